"""Around every request: its id, one log line, its metrics, and a calm 500 when something was not foreseen."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import Metrics
from gateway.problem_handlers import problem_response
from gateway.problems import Problem
from nevus.telemetry import REQUEST_ID_HEADER, accept_request_id, request_id

log = logging.getLogger("gateway")


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
            await problem_response(Problem("internal-error"))(scope, receive, send)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = getattr(scope.get("route"), "path", "unmatched"), scope["method"]
        metrics: Metrics = scope["app"].state.services.metrics
        metrics.requests.labels(method, route, status).inc()
        metrics.latency.labels(method, route).observe(seconds)
        fields = {"method": method, "route": route, "status": status, "milliseconds": round(seconds * 1000, 1)}
        log.info("request", extra=fields)
