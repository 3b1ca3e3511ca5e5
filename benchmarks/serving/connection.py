"""One kept-alive HTTP/1.1 connection to this machine, with as little between it and the socket as Python allows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

import httptools

HOST = "127.0.0.1"


class Lost(Exception):
    """A request without an answer: refused, reset, or cut off."""


@dataclass
class Answer:
    """What came back; names of headers are lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """One request at a time; connects when it must, and once more when a kept connection turns out to be closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._kept = False

    async def ask(self, *request: bytes) -> Answer:
        """Send a request and wait for its answer; raises Lost."""
        if self._transport and self._transport.is_closing():
            self._transport = None
        kept = self._transport is not None
        try:
            return await self._ask(request)
        except Lost:
            if not kept or self._answer.status:
                raise
            return await self._ask(request)

    async def _ask(self, request: tuple[bytes, ...]) -> Answer:
        loop = asyncio.get_running_loop()
        self._parser, self._answer = httptools.HttpResponseParser(self), Answer()
        if self._transport is None:
            try:
                await loop.create_connection(lambda: self, HOST, self._port)
            except OSError as error:
                raise Lost(str(error)) from error
        assert self._transport
        self._waiting = loop.create_future()
        self._transport.writelines(request)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.abort()
        self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's call."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's call."""
        self._transport = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(Lost(str(exc or "closed")))

    def data_received(self, data: bytes) -> None:
        """The loop's call."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self._waiting and not self._waiting.done():
                self._waiting.set_exception(Lost(str(error)))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's call."""
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The parser's call."""
        self._answer.status = self._parser.get_status_code()
        self._kept = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """The parser's call."""
        self._answer.body += body

    def on_message_complete(self) -> None:
        """The parser's call; of an interim answer (1xx) nothing is kept."""
        if self._answer.status < 200:
            self._answer = Answer()
            return
        if not self._kept:
            self.close()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(self._answer)
