"""The application: routes over a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response

from inference.bootstrap import load_until_ready
from inference.refusals import Refusal
from inference.routes import ROUTES
from inference.routes.answers import on_error, on_http_error, on_refusal
from inference.routes.callers import KnownCallers
from inference.service import Service

Handlers = dict[int | type[Exception], Callable[..., Coroutine[Any, Any, Response]]]


def create_app(service: Service) -> Starlette:
    """Plain routes: the protocol describes itself, and its bodies are not JSON alone."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(load_until_ready(service))
        yield
        loading.cancel()
        service.follower.close()
        service.canary.close()
        service.desk.close()

    handlers: Handlers = {Refusal: on_refusal, HTTPException: on_http_error, Exception: on_error}
    app = Starlette(routes=[*ROUTES], exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False
    if service.settings.caller_audience:
        app.add_middleware(KnownCallers, settings=service.settings)
    app.state.service = service
    return app
