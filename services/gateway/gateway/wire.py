"""The gateway's end of a connection, with the bounds that uvicorn leaves out.

They are for connections, for requests that are sent before the last one is answered, for the size and time of a
request's head, for the rest of a body that was answered already, and for answers that nobody reads. What is not HTTP is
answered by a problem too.
"""

from __future__ import annotations

import asyncio
import json
import resource
import secrets
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.problems import MEDIA_TYPE, Problem, busy

CONNECTIONS = 2000
DESCRIPTORS = 2 * CONNECTIONS  # as many again for files
PIPELINED = 256  # requests on one connection that wait for the answer to another one
HEAD_BYTES = 64 * 1024  # request line and headers
HEAD_LINES = 100
HEAD_SECONDS = 10.0  # from the first byte of a connection, or of a request, to the end of its headers
REST_SECONDS = 5.0  # for the rest of a body after its answer
READ_SECONDS = 30.0  # for an answer that is not taken


class Wire(HttpToolsProtocol):
    """One connection of `most`."""

    most = CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """The head's time begins."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._in_head, self._head, self._fault, self._refused = True, 0, "malformed-request", False
        self._asked = False  # nothing yet, so that there is no cycle
        super().connection_made(transport)
        self._within(HEAD_SECONDS, "head", self._head_is_late)
        if len(self.connections) > self.most:
            self._refuse(busy())

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives it."""
        for name in tuple(self._timers):
            self._in_time(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which bounds nothing itself; what comes after a refusal is read and dropped."""
        if self._refused:
            return
        self._head += len(data) if self._in_head else 0
        if self._in_head and "head" not in self._timers:
            self._within(HEAD_SECONDS, "head", self._head_is_late)
        super().data_received(data)
        if self._in_head and self._head > HEAD_BYTES:
            self._refuse(Problem("headers-too-large"))

    def on_headers_complete(self) -> None:
        """Raises ValueError, which the parser's caller answers, for a head that is too large, or one too many."""
        self._in_time("head")
        self._in_head, self._head = False, 0
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES or len(self.headers) > HEAD_LINES:
            self._fault = "headers-too-large"
            raise ValueError(self._fault)
        if len(self.pipeline) >= PIPELINED:
            raise ValueError(self._fault)
        super().on_headers_complete()
        self._asked = True

    def on_message_complete(self) -> None:
        """The next head may come."""
        self._in_time("rest")
        self._in_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What is left of the body has a moment to come, and no more requests while some of them wait."""
        if self.cycle.response_complete and self.cycle.more_body:
            self._within(REST_SECONDS, "rest", self.transport.close)
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._within(READ_SECONDS, "read", self.transport.abort)

    def resume_writing(self) -> None:
        """It does."""
        self._in_time("read")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Where uvicorn tells plain text."""
        del msg
        self._refuse(Problem(self._fault))

    def _head_is_late(self) -> None:
        if self._head:
            self._refuse(Problem("request-timeout"))
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer and say that this was all; a close at once would take the answer from who is still sending.

        What is under way is told that its client has gone. Where its answer has begun already, nothing comes after it.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if self.pipeline or (self._asked and self.cycle.response_started and not self.cycle.response_complete):
            self.transport.close()
            return
        if self._asked:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(answer(problem))
        self.transport.write_eof()
        self._within(REST_SECONDS, "rest", self.transport.close)

    def _within(self, seconds: float, name: str, otherwise: Callable[[], None]) -> None:
        self._in_time(name)
        self._timers[name] = self.loop.call_later(seconds, otherwise)

    def _in_time(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def answer(problem: Problem) -> bytes:
    """A whole response that ends its connection."""
    identifier = secrets.token_hex(8)
    body = json.dumps(problem.body(identifier)).encode()
    told = {"content-type": MEDIA_TYPE, "content-length": len(body), "x-request-id": identifier, "connection": "close"}
    headers = "".join(f"{name}: {value}\r\n" for name, value in (told | problem.headers).items())
    return STATUS_LINE[problem.status] + headers.encode() + b"\r\n" + body


def make_room() -> None:
    """Descriptors for all connections, of which systems give a process few at first; else fewer connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    bounded = [limit for limit in (DESCRIPTORS, hard) if limit != resource.RLIM_INFINITY]
    if soft != resource.RLIM_INFINITY and soft < min(bounded):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(bounded), hard))
    Wire.most = min(bounded) // 2
