"""The pages of a person's spots: all of them, and each over time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway import own_data, spots
from gateway.auth import AnyCaller
from gateway.lookup import not_found
from gateway.rendering import champion, page
from gateway.routes.results import CASE
from gateway.services import Services

CaseId = Annotated[str, Path(pattern=CASE)]
Name = Annotated[str, Query(max_length=40)]
router = APIRouter(prefix="/spots", include_in_schema=False)


@router.get("")
async def list_spots(
    request: Request,
    caller: AnyCaller,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    deleted: bool = False,
) -> Response:
    """Spots by their names, and photos without one."""
    services: Services = request.app.state.services
    found = await spots.own(services, caller, cursor=cursor)
    named, others = spots.grouped(found.items)
    return page(
        request,
        "patient_spots.html",
        caller=caller,
        model=await champion(services),
        spots=named,
        others=others,
        cursor=found.cursor,
        deleted=deleted,
    )


@router.get("/{case_id}")
async def show_spot(
    request: Request,
    caller: AnyCaller,
    case_id: CaseId,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    first: Name = "",
    second: Name = "",
) -> Response:
    """The photos of one spot, newest first; two of them side by side, and what has changed."""
    services: Services = request.app.state.services
    found = await spots.own(services, caller, case_id, cursor)
    if not found.items:
        raise not_found()
    return page(
        request,
        "patient_spot.html",
        caller=caller,
        model=await champion(services),
        spot=spots.Spot(case_id, found.items),
        steps=spots.steps(found.items),
        pair=spots.pair(found.items, first, second),
        readings=spots.readings(found.items),
        cursor=found.cursor,
    )


@router.get("/{case_id}/delete")
async def confirm_deletion(request: Request, caller: AnyCaller, case_id: CaseId) -> Response:
    """Whether it is really meant."""
    spot = await spots.spot(request.app.state.services, caller, case_id)
    return page(request, "patient_delete.html", caller=caller, item=None, spot=spot)


@router.post("/{case_id}/delete")
async def delete(request: Request, caller: AnyCaller, case_id: CaseId) -> Response:
    """Erase every photo of a spot."""
    services: Services = request.app.state.services
    await spots.spot(services, caller, case_id)
    gone = await own_data.erase_all(services, caller, case_id)
    return RedirectResponse("/spots?deleted=1" if gone else f"/spots/{case_id}/delete", status_code=303)
