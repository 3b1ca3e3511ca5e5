"""The page of an answer: what it says and is worth, and what its owner may do with the photo."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gateway import lookup, own_data, spots
from gateway.advice import advice_for
from gateway.auth import AnyCaller
from gateway.explain import limits, values, worth
from gateway.guidance import beyond_evidence, next_steps, photo_checks
from gateway.problems import Problem
from gateway.rendering import champion, page
from gateway.services import Services
from nevus.domain import Prediction, Role
from nevus.registry import Manifest

CASE = "^[A-Za-z0-9_-]{1,64}$"
router = APIRouter(prefix="/results", include_in_schema=False)


@router.get("/{record_id}")
async def show_result(request: Request, record_id: str, caller: AnyCaller) -> Response:
    """The decision, what it means, what it is worth, and what to do next."""
    services: Services = request.app.state.services
    record = await lookup.find(services, caller, record_id)
    mine = record.owner == caller.id
    model, case, own = await asyncio.gather(
        model_of(services, record), spots.case_of_record(services, record), spots.own(services, caller)
    )
    return page(
        request,
        "patient_result.html",
        caller=caller,
        item=record,
        mine=mine,
        spot=case,
        spots=spots.grouped(own.items)[0],
        deletable=mine or caller.role is Role.ADMIN,
        **explained(services, record, model),
        still_to_be_seen=case is not None and spots.still_to_be_seen(record, case.photos),
    )


async def model_of(services: Services, record: Prediction) -> Manifest | None:
    """The manifest of the version that answered, or would."""
    return await services.manifests.get(record.model) if record.model else await champion(services)


def explained(services: Services, record: Prediction, model: Manifest | None) -> dict[str, Any]:
    """What a page says of a record."""
    share, result = services.settings.prevalence, record.result
    return {
        "model": model,
        "advice": advice_for(record),
        "steps": next_steps(record),
        "worth": worth(record, model, share) if model else None,
        "values": values(record, model, share) if model else None,
        "beyond": result is not None and beyond_evidence(result),
        "checks": photo_checks(result, model.quality) if result and model else (),
        "limits": limits(model) if model else (),
    }


@router.get("/{record_id}/delete")
async def confirm_deletion(request: Request, record_id: str, caller: AnyCaller) -> Response:
    """Whether it is really meant."""
    services: Services = request.app.state.services
    record = await lookup.find(services, caller, record_id)
    if record.owner != caller.id and caller.role is not Role.ADMIN:
        raise Problem("forbidden", "Only its owner or an admin may delete it.")
    return page(request, "patient_delete.html", caller=caller, item=record, spot=None)


@router.post("/{record_id}/delete")
async def delete(request: Request, record_id: str, caller: AnyCaller) -> Response:
    """Erase a photo and its answer."""
    await lookup.erase(request.app.state.services, caller, record_id)
    return RedirectResponse("/spots?deleted=1", status_code=303)


@router.post("/{record_id}/spot")
async def name_spot(
    request: Request,
    record_id: str,
    caller: AnyCaller,
    case_id: Annotated[str, Form(pattern=f"{CASE}|^$")] = "",
    spot_name: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Make a photo one of a spot: of a new name, or of one that is there; of none if nothing is said."""
    case = spots.chosen_case(case_id, spot_name)
    await own_data.move(request.app.state.services, caller, record_id, case)
    return RedirectResponse(f"/spots/{case}" if case else f"/results/{record_id}", status_code=303)


@router.post("/{record_id}/training")
async def change_training(
    request: Request, record_id: str, caller: AnyCaller, allowed: Annotated[bool, Form()] = False
) -> Response:
    """Let training use a photo, or no longer."""
    await own_data.allow_training(request.app.state.services, caller, record_id, allowed=allowed)
    return RedirectResponse(f"/results/{record_id}#training", status_code=303)
