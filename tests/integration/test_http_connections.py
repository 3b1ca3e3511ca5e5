from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from nevus.adapters import http_connections
from nevus.adapters.http_connections import Connections

OK = b"HTTP/1.1 200 OK\r\nX-Said: yes\r\nContent-Length: 2\r\n\r\nhi"


class Service:
    """Answers each request with the next of some bytes; `opened` counts connections."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.opened, self.heads = list(answers), 0, list[str]()
        self.hung_up = asyncio.Event()

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            while self.answers:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                writer.write(self.answers.pop(0))
            await reader.read()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.hung_up.set()
            writer.close()


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[Connections]:
    async with await asyncio.start_server(service.speak, "127.0.0.1", 0) as listener:
        connections = Connections(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/base/")
        yield connections
        connections.close()


async def test_one_connection_carries_call_after_call() -> None:
    service = Service(OK, b"HTTP/1.1 100 Continue\r\n\r\n" + OK)
    async with connected(service) as connections:
        for _ in range(2):
            answer = await connections.ask("GET", "/a b", {"X-Told": "1"})
            assert (answer.status, answer.headers["x-said"], bytes(answer.body)) == (200, "yes", b"hi")
    assert service.opened == 1
    assert service.heads[0].startswith("GET /base/a%20b HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "\r\nX-Told: 1\r\n" in service.heads[0]


async def test_calls_at_once_have_connections_of_their_own() -> None:
    service = Service(*[OK] * 4)
    async with connected(service) as connections:
        await asyncio.gather(*(connections.ask("GET", "/", {}) for _ in range(4)))
    assert service.opened == 4


async def test_an_old_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(OK, OK)
    async with connected(service) as connections:
        await connections.ask("GET", "/", {})
        monkeypatch.setattr(http_connections, "KEPT_SECONDS", 0.0)
        await connections.ask("GET", "/", {})
    assert service.opened == 2


@pytest.mark.parametrize(
    "closing", [OK.replace(b"X-Said: yes", b"Connection: close"), OK + b"more"], ids=["closed", "more"]
)
async def test_one_that_the_service_spoils_is_not_used_again(closing: bytes) -> None:
    service = Service(closing, OK)
    async with connected(service) as connections:
        assert bytes((await connections.ask("GET", "/", {})).body) == b"hi"
        assert (await connections.ask("GET", "/", {})).status == 200
    assert service.opened == 2


HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + bytes(http_connections.LARGEST + 1)


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", HUGE], ids=["nonsense", "huge"])
async def test_what_is_no_answer_is_an_error(answer: bytes) -> None:
    async with connected(Service(answer)) as connections:
        with pytest.raises(ConnectionError):
            await connections.ask("GET", "/", {})


async def test_the_service_is_told_when_nobody_waits_any_more() -> None:
    service = Service(OK[:-1])
    async with connected(service) as connections:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connections.ask("GET", "/", {})
        await asyncio.wait_for(service.hung_up.wait(), 2)
