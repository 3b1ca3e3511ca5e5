"""`/v1/audit`: who did what, and whether the log of it is what it was."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request

from gateway import audit_log
from gateway.audit_views import PAGE_EXAMPLE, VERIFICATION_EXAMPLE, AuditPage, VerificationView
from gateway.auth import AdminCaller
from gateway.bodies import refuse_body
from gateway.openapi import answers
from gateway.problems import Problem
from gateway.services import Services
from nevus.audit import by

router = APIRouter(prefix="/v1/audit", tags=["operations"])


@router.get(
    "",
    response_model=AuditPage,
    operation_id="list_audit_entries",
    responses=answers("forbidden", example=PAGE_EXAMPLE),
)
async def list_entries(
    request: Request,
    caller: AdminCaller,
    cursor: Annotated[str | None, Query(pattern="^[0-9]{1,15}$")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditPage:
    """Newest first, as stored: whether an entry is what it was is told by a verification."""
    services: Services = request.app.state.services
    entries = await services.records.audit_log(limit=limit, before=None if cursor is None else int(cursor))
    more = bool(entries) and entries[-1].sequence > 1  # also behind a page that lacks some
    return AuditPage(items=entries, next=str(entries[-1].sequence) if more else None)


@router.post(
    "/verification",
    response_model=VerificationView,
    operation_id="verify_audit",
    responses=answers("forbidden", example=VERIFICATION_EXAMPLE),
)
async def verify(
    request: Request,
    caller: AdminCaller,
    head: Annotated[
        str | None, Query(max_length=100, description="a head that was noted earlier: is it still in the log?")
    ] = None,
) -> VerificationView:
    """Walk the whole log; `fault` names the first entry that is not what it was, null for a log that is whole."""
    await refuse_body(request, "`head` goes in the address, ?head=")
    services: Services = request.app.state.services
    try:
        given = None if head is None else audit_log.read_head(head)
    except ValueError as error:
        raise Problem("invalid-request", f"head: {error}") from None
    found = await audit_log.verified(services.records, services.photos, given, partial(by, caller))
    return VerificationView(whole=found.whole, **dict(found))
