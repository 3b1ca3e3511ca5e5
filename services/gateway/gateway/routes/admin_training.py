"""The admin's pages of training runs: start one, watch it while it learns, cancel it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway import pictures, retrain
from gateway.auth import AdminCaller
from gateway.problems import Problem
from gateway.rendering import page
from gateway.services import Services

ON_A_PAGE = 20
router = APIRouter(prefix="/admin/training", include_in_schema=False)
RunId = Annotated[str, Path(pattern="^[a-z2-7]{26}$")]


@router.get("")
async def show_runs(
    request: Request, caller: AdminCaller, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Newest first, and the button that starts another."""
    services: Services = request.app.state.services
    found = await retrain.page(services, cursor, ON_A_PAGE)
    return page(
        request,
        "admin_training.html",
        caller=caller,
        runs=found.items,
        cursor=found.cursor,
        data=services.settings.training_data,
        active=next((run for run in found.items if run.state.active), None),
    )


@router.post("")
async def start_run(request: Request, caller: AdminCaller) -> Response:
    """Start a run and watch it; where one is under way already, watch that."""
    try:
        run_id = (await retrain.begin(request.app.state.services, caller)).id
    except Problem as problem:
        if problem.type != "training-run-active":
            raise
        run_id = problem.extra["training_run"]
    return RedirectResponse(f"/admin/training/{run_id}", status_code=303)


@router.get("/{run_id}")
async def show_run(request: Request, caller: AdminCaller, run_id: RunId) -> Response:
    """A run as it is now; the page follows it while it is active."""
    run = await retrain.find(request.app.state.services, run_id)
    charts = pictures.run_curves(run.curves, run.steps)
    return page(request, "admin_run.html", caller=caller, run=run, charts=charts)


@router.post("/{run_id}/cancel")
async def cancel_run(request: Request, caller: AdminCaller, run_id: RunId) -> Response:
    """Ask a run to end."""
    await retrain.cancel(request.app.state.services, caller, run_id)
    return RedirectResponse(f"/admin/training/{run_id}", status_code=303)
