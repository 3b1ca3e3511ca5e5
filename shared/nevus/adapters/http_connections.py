"""Kept-alive HTTP/1.1 connections to one service, with as little between a call and the socket as Python allows.

docs/decisions/0010-lean-internal-call.md says why this is not httpx.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import cast
from urllib.parse import quote, urlsplit

import httptools

UNIX = "unix:"
KEPT_SECONDS = 5.0  # that a connection may have been idle: what stands between may have forgotten older ones
LARGEST = 8 * 1024 * 1024  # bytes of an answer
PORTS = {"http": 80, "https": 443}


@dataclass
class Answer:
    """What came back; names of headers are lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._answer = Answer()
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether it can take another request."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, *request: bytes) -> Answer:
        """Send a request and wait for its answer; raises ConnectionError."""
        if self._transport is None:
            raise ConnectionResetError("closed")
        self._answer, self._waiting = Answer(), asyncio.get_running_loop().create_future()
        self._transport.writelines(request)
        return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's call."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's call."""
        self._transport = None
        self._fail(str(exc or "closed"))

    def data_received(self, data: bytes) -> None:
        """The loop's call; what nobody has asked for ends the connection."""
        if self._waiting is None or self._waiting.done():
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(str(error))
        if len(self._answer.body) > LARGEST:
            self._fail("no answer is as long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's call."""
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """The parser's call."""
        self._answer.body += body

    def on_message_complete(self) -> None:
        """The parser's call; of an interim answer (1xx) nothing is kept, and one too many ends the connection."""
        answer, self._answer = self._answer, Answer()
        answer.status = self._parser.get_status_code()
        if answer.status < 200:
            return
        expected = self._waiting is not None and not self._waiting.done()
        if not (expected and self._parser.should_keep_alive()):
            self.close()
        if self._waiting and expected:
            self._waiting.set_result(answer)

    def _fail(self, why: str) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError(why))
        self.close()


class Connections:
    """To `http://host:port`, `https://host` or `unix:/path`; as many as there are calls at once."""

    def __init__(self, url: str) -> None:
        self._socket = url.removeprefix(UNIX) if url.startswith(UNIX) else None
        self._url = urlsplit("http://inference" if self._socket else url)
        self._tls: SSLContext | None = None
        self._idle: list[Connection] = []

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One call; its connection is cut when nobody waits any more. Raises OSError."""
        told = {"Host": self._url.netloc, "Content-Length": len(body)} | dict(headers)
        first = f"{method} {self._url.path.rstrip('/')}{quote(path)} HTTP/1.1"
        head = "\r\n".join([first, *(f"{name}: {value}" for name, value in told.items()), "", ""])
        connection = self._kept() or await self._connected()
        try:
            answer = await connection.ask(head.encode("latin-1"), body)
        except BaseException:
            connection.close()
            raise
        if connection.usable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        return answer

    def _kept(self) -> Connection | None:
        """The one that was used last, so that surplus ones grow old."""
        fresh = asyncio.get_running_loop().time() - KEPT_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.idle_since > fresh:
                return connection
            connection.close()
        return None

    async def _connected(self) -> Connection:
        loop = asyncio.get_running_loop()
        if self._socket:
            return (await loop.create_unix_connection(Connection, self._socket))[1]
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        return (await loop.create_connection(Connection, host, port, ssl=self._encryption()))[1]

    def _encryption(self) -> SSLContext | None:
        if self._url.scheme == "https" and self._tls is None:
            from httpx import create_ssl_context  # its trusted roots; only the cloud needs them

            self._tls = create_ssl_context(trust_env=False)
        return self._tls

    def close(self) -> None:
        """Hang up."""
        while self._idle:
            self._idle.pop().close()
