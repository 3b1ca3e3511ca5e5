"""`/v1/training-runs`: start retraining, watch it, cancel it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway import retrain
from gateway.auth import AdminCaller
from gateway.openapi import answers
from gateway.training_views import (
    QUEUED_EXAMPLE,
    RUN_EXAMPLE,
    RUN_ID,
    RunPageView,
    TrainingRunView,
    show_run,
    show_runs,
)

router = APIRouter(prefix="/v1/training-runs", tags=["training"])
RunId = Annotated[str, Path(pattern="^[a-z2-7]{26}$", examples=[RUN_ID])]


@router.post(
    "",
    status_code=202,
    response_model=TrainingRunView,
    responses=answers("forbidden", "training-data-missing", "training-run-active", example=QUEUED_EXAMPLE, status=202),
)
async def start_run(request: Request, response: Response, caller: AdminCaller) -> TrainingRunView:
    """Train on from the champion, with the base manifest and clinicians' diagnoses; watch it at `Location`."""
    run = await retrain.begin(request.app.state.services, caller)
    response.headers["Location"] = f"/v1/training-runs/{run.id}"
    return show_run(run)


@router.get(
    "",
    response_model=RunPageView,
    responses=answers("forbidden", example={"items": [RUN_EXAMPLE], "next": None}),
)
async def list_runs(
    request: Request,
    caller: AdminCaller,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> RunPageView:
    """Newest first."""
    return show_runs(await retrain.page(request.app.state.services, cursor, limit))


@router.get(
    "/{run_id}", response_model=TrainingRunView, responses=answers("forbidden", "not-found", example=RUN_EXAMPLE)
)
async def get_run(request: Request, caller: AdminCaller, run_id: RunId) -> TrainingRunView:
    """A run as it is now: stage, steps, metrics, the end of its log, the version that it made."""
    return show_run(await retrain.find(request.app.state.services, run_id))


@router.post(
    "/{run_id}/cancel",
    status_code=202,
    response_model=TrainingRunView,
    responses=answers("forbidden", "not-found", example=RUN_EXAMPLE | {"cancel_requested": True}, status=202),
)
async def cancel_run(request: Request, caller: AdminCaller, run_id: RunId) -> TrainingRunView:
    """Ask a run to end. One that has ended stays as it is."""
    return show_run(await retrain.cancel(request.app.state.services, caller, run_id))
