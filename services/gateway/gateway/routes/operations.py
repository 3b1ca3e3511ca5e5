"""For whoever runs the service: is it alive, is it ready, what does it count."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from gateway import monitor
from gateway.auth import ClinicianCaller
from gateway.openapi import OPEN_TO_ALL, answers
from gateway.problems import Problem
from gateway.services import Services
from gateway.stats_example import REPORT_EXAMPLE
from gateway.views import Stats, show_stats
from nevus.ports import PortError

router = APIRouter(tags=["operations"])
STATS = {
    "records": 3,
    "by_status": {"complete": 3},
    "by_decision": {"refer": 1, "routine": 2},
    "monitoring": REPORT_EXAMPLE,
}


@router.get(
    "/healthz",
    responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}},
    openapi_extra=OPEN_TO_ALL,
)
async def healthz() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", responses=answers(example={"status": "ready"}, public=True), openapi_extra=OPEN_TO_ALL)
async def readyz(request: Request) -> JSONResponse:
    """The record store answers and inference has a model; 503 otherwise. Photos are taken in either case."""
    services: Services = request.app.state.services
    try:
        await services.records.audit_links(limit=1)  # costs little, and is as it is when the audit log is damaged
    except PortError as error:
        raise Problem("unavailable", "The record store does not answer.") from error
    if not await services.classifier.ready():
        raise Problem("unavailable", "Inference is not ready; photos are kept and assessed later.")
    return JSONResponse({"status": "ready"})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": 'nevus_intake_total{outcome="clean"} 3.0'}}}},
    openapi_extra=OPEN_TO_ALL,
)
async def metrics(request: Request) -> Response:
    """Counts and times for Prometheus; nothing of a person."""
    services: Services = request.app.state.services
    return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/v1/stats", response_model=Stats, responses=answers("forbidden", example=STATS))
async def stats(request: Request, caller: ClinicianCaller) -> Stats:
    """How many records there are, by status and decision; drift and confirmed outcomes, worked out once an hour."""
    services: Services = request.app.state.services
    return show_stats(await services.records.counts(), await monitor.latest(services))
