"""A connection's bounds, on a real server of a small application."""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from tests.waiting import until

from gateway.wire import DESCRIPTORS, PIPELINED, Wire, make_room

GET = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n"


class Few(Wire):
    most = 2


class App:
    """Answers `/quick` at once and `/slow` when it is let go; whether it was told that its client has gone."""

    def __init__(self) -> None:
        self.let_go, self.gone, self.asked = asyncio.Event(), False, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await send({"type": "http.response.start", "status": 200, "headers": []}) if scope["path"] == "/begun" else None
        if scope["path"] != "/quick":
            await self.let_go.wait()
            await receive()
            self.gone = (await receive())["type"] == "http.disconnect" if scope["path"] == "/slow" else False
        if scope["path"] != "/begun":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving(wire: type[Wire] = Wire) -> AsyncIterator[tuple[App, int]]:
    app = App()
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=wire, lifespan="off", log_config=None, access_log=False))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    try:
        yield app, server.servers[0].sockets[0].getsockname()[1]
    finally:
        app.let_go.set()
        server.force_exit = True
        await server.shutdown()


async def connected(port: int, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    return reader, writer


async def test_one_connection_too_many_is_told_to_come_again() -> None:
    async with serving(Few) as (_, port):
        held = [await connected(port, b"") for _ in range(2)]
        reader, writer = await connected(port, GET % b"quick")
        told = (await reader.read()).lower()
        assert told.startswith(b"http/1.1 503")
        assert b"\r\nretry-after: 1\r\n" in told
        for each in (*held, (reader, writer)):
            each[1].close()
        await asyncio.sleep(0.05)
        reader, writer = await connected(port, GET % b"quick")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_what_is_under_way_learns_that_nonsense_came_after_it(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as (app, port):
        reader, writer = await connected(port, GET % b"slow")
        await until(lambda: app.asked == 1)
        writer.write(b"\0\0\0\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        app.let_go.set()
        await until(lambda: app.gone)
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_nothing_is_mixed_into_an_answer_that_has_begun() -> None:
    async with serving() as (_, port):
        reader, writer = await connected(port, GET % b"begun")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\0\0\0\r\n\r\n")
        assert await reader.read() == b""
        writer.close()


async def test_requests_that_wait_for_the_answer_to_another_are_bounded() -> None:
    async with serving() as (app, port):
        reader, writer = await connected(port, GET % b"slow" + GET % b"quick" * (PIPELINED + 1))
        assert await reader.read() == b""
        app.let_go.set()
        writer.close()
        reader, writer = await connected(port, GET % b"quick" * PIPELINED)
        for _ in range(PIPELINED):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()


def test_there_are_descriptors_for_all_connections_or_fewer_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    monkeypatch.setattr(Wire, "most", 0)
    endless = resource.RLIM_INFINITY
    for given in ((256, endless), (1024, 3000), (endless, endless), (1 << 20, 1 << 20)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, given=given: given)
        make_room()
        assert Wire.most == min(DESCRIPTORS, given[1] if given[1] != endless else DESCRIPTORS) // 2
    assert set_to == [(DESCRIPTORS, endless), (3000, 3000)]
