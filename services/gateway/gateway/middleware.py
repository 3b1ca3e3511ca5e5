"""Around every request: its id, one log line, its metrics, and a calm 500 when something was not foreseen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.html_problems import answer
from gateway.metrics import Metrics
from gateway.problems import Problem
from nevus.telemetry import REQUEST_ID_HEADER, accept_request_id, request_id

log = logging.getLogger("gateway")
LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Proxied:
    """ASGI middleware: client and scheme as the proxies say that stand before this.

    X-Forwarded-For counts from its end, where each proxy adds whom it serves: anything further left may be a client's
    own word. Without a trusted proxy it is not read. A scheme says nothing of anyone but who sends it, so that a proxy
    on this machine is believed without a setting.
    """

    def __init__(self, app: ASGIApp, proxies: int) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            self._rewrite(scope, Headers(scope=scope))
        await self._app(scope, receive, send)

    def _rewrite(self, scope: Scope, headers: Headers) -> None:
        peer = scope["client"][0] if scope["client"] else ""
        scheme = headers.get("x-forwarded-proto")
        if scheme in {"http", "https"} and (self._proxies or peer in LOOPBACK):
            scope["scheme"] = scheme
        passed = [part.strip() for part in ",".join(headers.getlist("x-forwarded-for")).split(",") if part.strip()]
        if 0 < self._proxies <= len(passed):
            scope["client"] = (passed[-self._proxies], 0)


class Telemetry:
    """ASGI middleware, the outermost one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = accept_request_id(Headers(scope=scope).get(REQUEST_ID_HEADER))
        token = request_id.set(identifier)
        started, status = time.perf_counter(), 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = identifier
            await send(message)

        try:
            await self._serve(scope, receive, send_with_id, lambda: status == 0)
        finally:
            self._tell(scope, status, time.perf_counter() - started)
            request_id.reset(token)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, unanswered: Callable[[], bool]) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            log.exception("unexpected error")
            if not unanswered():
                raise
            await answer(Request(scope), Problem("internal-error"))(scope, receive, send)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = getattr(scope.get("route"), "path", "unmatched"), scope["method"]
        metrics: Metrics = scope["app"].state.services.metrics
        metrics.answered(method, route, status, seconds)
        fields = {"method": method, "route": route, "status": status, "milliseconds": round(seconds * 1000, 1)}
        log.info("request", extra=fields)
