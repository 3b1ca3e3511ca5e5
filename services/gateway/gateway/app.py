"""The gateway's application: its routes, what stands around them, and its life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from gateway import html_problems
from gateway.bootstrap import open_services
from gateway.middleware import Proxied, Telemetry
from gateway.openapi import ABOUT
from gateway.reconcile import Reconciler
from gateway.routes import (
    admin,
    admin_models,
    admin_people,
    admin_training,
    audit,
    batch,
    clinician,
    docs,
    export,
    internal,
    language,
    models,
    operations,
    own_data,
    patient,
    predictions,
    results,
    session,
    spots,
    training,
    uploads,
)
from gateway.security import SecurityHeaders
from gateway.services import Services
from gateway.settings import Settings
from gateway.small_bodies import SmallBodies
from gateway.speaking import Speaking

Opening = Callable[[Settings], AbstractAsyncContextManager[Services]]


def create_app(settings: Settings, opening: Opening = open_services) -> FastAPI:
    """The application; its adapters are opened when it starts."""
    app = FastAPI(
        **ABOUT,
        lifespan=living(settings, opening),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for router in (
        predictions.router,
        uploads.router,
        export.router,
        models.router,
        training.router,
        operations.router,
        audit.router,
        clinician.router,
        batch.router,
        patient.router,
        results.router,
        spots.router,
        own_data.router,
        admin.router,
        admin_models.router,
        admin_training.router,
        admin_people.router,
        session.router,
        language.router,
        docs.router,
        internal.router,
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
    app.add_middleware(SmallBodies)
    app.add_middleware(Telemetry)
    app.add_middleware(Speaking)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Proxied, proxies=settings.trusted_proxies)
    html_problems.install(app)
    return app


def living(settings: Settings, opening: Opening) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """From the opening of the adapters to their end, with the reconciler beside."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening(settings) as services:
            app.state.services = services
            async with reconciling(services):
                yield

    return lifespan


@asynccontextmanager
async def reconciling(services: Services) -> AsyncIterator[None]:
    """The reconciler in the background, unless it is left to requests."""
    if services.settings.reconcile == "request":
        yield
        return
    task = asyncio.create_task(Reconciler(services).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
