"""A connection to the gateway that can lose an answer, and knows how much was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Lossy:
    """A way to `upstream`; answers to requests of `what` are lost while `losing`, the last had `sent` bytes."""

    upstream: str
    what: bytes
    losing: bool = False
    sent: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the browser."""
        place = urlsplit(self.upstream)
        answers, requests = await asyncio.open_connection(place.hostname, place.port)
        asked = bytearray()

        async def there() -> None:
            while data := await reader.read(65536):
                asked.extend(data)
                requests.write(data)
                await requests.drain()

        async def back() -> None:
            while data := await answers.read(65536):
                if self.what in asked:
                    self.sent = len(asked)
                    if self.losing:
                        return
                asked.clear()
                writer.write(data)
                await writer.drain()

        ways = [asyncio.create_task(way()) for way in (there, back)]
        with suppress(ConnectionError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (requests, writer):
            end.close()


@asynccontextmanager
async def lossy(upstream: str, what: bytes = b"POST /results ") -> AsyncIterator[Lossy]:
    """Open while the test lasts."""
    way = Lossy(upstream, what)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    way.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield way
    finally:
        server.close()
