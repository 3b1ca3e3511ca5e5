"""The application: routes over a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from inference.bootstrap import load_until_ready
from inference.refusals import Refusal
from inference.routes import ROUTES
from inference.routes.answers import on_error, on_http_error, on_refusal
from inference.service import Service


def create_app(service: Service) -> Starlette:
    """Starlette alone: the protocol needs none of FastAPI, whose import costs 0.15 s of the start."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(load_until_ready(service))
        yield
        loading.cancel()
        service.desk.close()

    handlers = {Refusal: on_refusal, HTTPException: on_http_error, Exception: on_error}
    app = Starlette(routes=ROUTES, exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.service = service
    return app
