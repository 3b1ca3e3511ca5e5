"""The admin's pages: the service at a glance, drift, and the audit log with its verification."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from gateway import audit_log, monitor, pictures
from gateway.auth import AdminCaller
from gateway.overview import CONCERNS, known, overview
from gateway.rendering import page
from gateway.services import Services
from nevus.audit import by
from nevus.audit_links import Head
from nevus.tally import Drift

ENTRIES = 50
router = APIRouter(prefix="/admin", include_in_schema=False)


@router.get("")
async def show_overview(request: Request, caller: AdminCaller) -> Response:
    """Traffic, times, errors and the queue of this process; what answers; what asks for a look."""
    services: Services = request.app.state.services
    found = await overview(services)
    chart = pictures.traffic(found.hour.minutes)
    return page(
        request,
        "admin_overview.html",
        caller=caller,
        seen=found,
        since=services.metrics.started,
        concerns=[CONCERNS[name] for name in found.concerns],
        chart=chart,
    )


@router.get("/drift")
async def show_drift(request: Request, caller: AdminCaller) -> Response:
    """Drift by week, and what confirmed diagnoses say of the decisions."""
    report = await known(monitor.latest(request.app.state.services))
    kinds: dict[tuple[str, str], list[Drift]] = {}
    for each in report.drift if report else ():
        kinds.setdefault((each.version, each.modality), []).append(each)
    outcomes = [each for each in report.outcomes if each.week is None] if report else []
    return page(
        request,
        "admin_drift.html",
        caller=caller,
        report=report,
        kinds=[(*key, weeks, pictures.drifting(weeks)) for key, weeks in kinds.items()],
        outcomes=[(each, pictures.confirmed(each)) for each in outcomes],
    )


@router.get("/audit")
async def show_audit(
    request: Request, caller: AdminCaller, before: Annotated[int | None, Query(ge=1, le=10**15)] = None
) -> Response:
    """Who did what, newest first."""
    return await audit_page(request, caller, before=before)


@router.post("/audit/verification")
async def verify_audit(
    request: Request, caller: AdminCaller, head: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    """Walk the log; a head that was noted earlier is held against it."""
    services: Services = request.app.state.services
    given: Head | None = None
    try:
        given = audit_log.read_head(head) if head.strip() else None
    except ValueError:
        return await audit_page(request, caller, status=422, head=head, unreadable=True)
    found = await audit_log.verified(services.records, services.photos, given, partial(by, caller))
    return await audit_page(request, caller, head=head, found=found)


async def audit_page(
    request: Request,
    caller: AdminCaller,
    *,
    before: int | None = None,
    status: int = 200,
    **shown: Any,
) -> Response:
    """A page of the log, with what a verification has found."""
    services: Services = request.app.state.services
    entries = await services.records.audit_log(limit=ENTRIES, before=before)
    more = entries[-1].sequence if entries and entries[-1].sequence > 1 else None
    values: dict[str, Any] = {"head": "", "found": None, "unreadable": False} | shown
    return page(
        request, "admin_audit.html", caller=caller, status=status, entries=entries, older=more, before=before, **values
    )
