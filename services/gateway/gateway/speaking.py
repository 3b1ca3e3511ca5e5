"""Around every request: the language that its answer speaks."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.languages import languages, preferred, speaking

COOKIE = "nevus_language"
PROGRAMS = ("/v1/", "/internal/")  # what these answer to programs is English


class Speaking:
    """ASGI middleware: a page's language is the one that was chosen on a page, else the browser's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        languages()  # read when the gateway starts, not with the first page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not for_people(scope):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        language = preferred(asked.cookies.get(COOKIE, ""), asked.headers.get("accept-language", ""))
        with speaking(language):
            await self._app(scope, receive, send)


def for_people(scope: Scope) -> bool:
    """Whether the answer is a page, or a part of one, but no document of the API."""
    wants_html = HTTPConnection(scope).headers.get("accept", "").startswith(("text/html", "application/xhtml+xml"))
    return wants_html or not scope["path"].startswith(PROGRAMS)
