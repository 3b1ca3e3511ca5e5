"""What Cloud Scheduler asks for, where nothing runs between requests. Not a part of the public API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse

from gateway import monitor, retrain
from gateway.auth import bearer_token, recognised, unauthorized
from gateway.problem_handlers import invalid_request
from gateway.problems import Problem
from gateway.reconcile import Reconciler
from gateway.services import Services
from nevus.domain import Frozen, Status

SECONDS = 45.0  # a round a minute shall not meet the one before
SWEEP_SECONDS = 180.0
router = APIRouter(prefix="/internal", include_in_schema=False)


class Wish(Frozen):
    """What to do beside finishing pending predictions."""

    sweep: bool = False


async def scheduler(request: Request) -> str:
    """The one service account that may ask; raises the problems `unauthorized`, `too-many-failures`, `forbidden`."""
    services: Services = request.app.state.services
    if services.callers.scheduler is None:
        raise unauthorized()
    email = await recognised(request, bearer_token(request), services.callers.scheduler.email)
    if email != services.settings.reconcile_caller.lower():
        raise Problem("forbidden", "This is for the scheduler alone.")
    return email


@router.post("/reconcile")
async def reconcile(request: Request, caller: Annotated[str, Depends(scheduler)]) -> JSONResponse:
    """Finish what is pending, some time at most; with `{"sweep": true}` drop what nothing names any more, too.

    A training run whose job has ended without a word is noticed.
    """
    try:
        wish = Wish.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        raise invalid_request(list(error.errors(include_url=False, include_input=False))) from None
    reconciler = Reconciler(request.app.state.services)
    finished = await reconciler.catch_up(SECONDS)
    await monitor.keep_fresh(request.app.state.services)
    swept = {"swept": await reconciler.sweep(SWEEP_SECONDS)} if wish.sweep else {}
    await retrain.settle_active(request.app.state.services)  # fails, as the next does, while the audit log is damaged
    await reconciler.anchor()
    return JSONResponse({status.value: finished[status] for status in (Status.COMPLETE, Status.FAILED)} | swept)
