"""Around every route that takes no photo: its body is small and comes soon, whoever sends it.

The framework reads a body whole, and before it asks who is calling.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 64 * 1024  # bytes
SECONDS = 10.0
# What takes photos bounds its bodies itself.
PHOTOS = frozenset(
    {("POST", "/v1/predictions"), ("POST", "/results"), ("POST", "/batch"), ("PUT", "/v1/uploads/content")}
)


class SmallBodies:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or (scope["method"], scope["path"]) in PHOTOS:
            await self._app(scope, receive, send)
            return
        await self._app(scope, Body(scope, receive).next, send)


class Body:
    """A request's body as far as it has come; raises HTTPException 413 or 408 where it is read."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive, self._read, self._whole = receive, 0, False
        length = Headers(scope=scope).get("content-length", "0")
        self._too_large = length.isdigit() and int(length) > MOST
        self._late = asyncio.get_running_loop().time() + SECONDS

    async def next(self) -> Message:
        """The next message."""
        if self._whole:
            return await self._receive()  # waits for the end of the connection
        if self._too_large:
            raise HTTPException(413)
        try:
            async with asyncio.timeout_at(self._late):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        self._read += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._read > MOST:
            raise HTTPException(413)
        return message
