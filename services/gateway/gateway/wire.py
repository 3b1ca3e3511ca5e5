"""The gateway's end of a connection, with the bounds that uvicorn leaves out.

They are for the size and time of a request's head, for the rest of a body that was answered already, and for answers
that nobody reads. What is not HTTP is answered by a problem too.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.problems import MEDIA_TYPE, Problem

HEAD_BYTES = 64 * 1024  # request line and headers
HEAD_LINES = 100
HEAD_SECONDS = 10.0  # from the first byte of a connection, or of a request, to the end of its headers
REST_SECONDS = 5.0  # for the rest of a body after its answer
READ_SECONDS = 30.0  # for an answer that is not taken


class Wire(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """The head's time begins."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._in_head, self._head, self._fault, self._refused = True, 0, "malformed-request", False
        super().connection_made(transport)
        self._within(HEAD_SECONDS, "head", self._head_is_late)

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
            self._refuse("headers-too-large")

    def on_headers_complete(self) -> None:
        """Raises ValueError, which the parser's caller answers, for a head that is too large."""
        self._in_time("head")
        self._in_head, self._head = False, 0
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES or len(self.headers) > HEAD_LINES:
            self._fault = "headers-too-large"
            raise ValueError(self._fault)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may come."""
        self._in_time("rest")
        self._in_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """What is left of the body has a moment to come."""
        if self.cycle.more_body:
            self._within(REST_SECONDS, "rest", self.transport.close)
        super().on_response_complete()

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
        self._refuse(self._fault)

    def _head_is_late(self) -> None:
        if self._head:
            self._refuse("request-timeout")
        else:
            self.transport.close()

    def _refuse(self, problem: str) -> None:
        """Answer and say that this was all; a close at once would take the answer from who is still sending."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self.transport.write(answer(Problem(problem)))
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
    headers = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nx-request-id: {identifier}\r\n"
    return STATUS_LINE[problem.status] + headers.encode() + b"connection: close\r\n\r\n" + body
