"""Headers of every answer: nothing is loaded from elsewhere, framed, sniffed, referred to or kept in a cache."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
CAMERA = {"Permissions-Policy": HEADERS["Permissions-Policy"].replace("camera=()", "camera=(self)")}  # of one page
STATIC = "/static/"
KEPT = HEADERS | {"Cache-Control": "public, max-age=3600"}  # of the style sheet, the script and the icon


def raw(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    """As the server sends them."""
    return tuple((name.lower().encode(), value.encode()) for name, value in headers.items())


RAW, RAW_KEPT = raw(HEADERS), raw(KEPT)


class SecurityHeaders:
    """ASGI middleware, around all others. A route's own value stays, such as the stricter policy of a report."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        chosen = RAW_KEPT if scope.get("path", "").startswith(STATIC) else RAW

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                names = {name for name, _ in own}
                message["headers"] = [*own, *(header for header in chosen if header[0] not in names)]
            await send(message)

        await self._app(scope, receive, send_with_headers)
