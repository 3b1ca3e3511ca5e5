"""The pages of a signed-in person: ask about a photo, see what came out, find earlier ones, delete."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway import lookup, quarantine
from gateway.advice import advice_for
from gateway.auth import AnyCaller
from gateway.door import size_of
from gateway.explain import limits, worth
from gateway.predict import Order, predict
from gateway.rendering import champion, page
from gateway.services import Services
from gateway.uploads import check_key, read_upload
from nevus.domain import Role

ON_A_PAGE = 20
Cursor = Annotated[str | None, Query(max_length=200)]
router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(
    request: Request, caller: AnyCaller, cursor: Cursor = None, order: Literal["time", "review"] = "time"
) -> Response:
    """The form, and earlier photos below it; for clinicians and admins in the order of review, if they ask for it."""
    services: Services = request.app.state.services
    listed = lookup.review if order == "review" else lookup.page
    earlier = await listed(services, caller, None, cursor, ON_A_PAGE)
    model = await champion(services)
    return page(
        request,
        "home.html",
        caller=caller,
        model=model,
        items=earlier.items,
        cursor=earlier.cursor,
        order=order,
        own=caller.role is Role.CLIENT,
        limits=limits(model) if model else (),
        idempotency_key=secrets.token_urlsafe(16),
    )


@router.post("/results")
async def ask(request: Request, caller: AnyCaller) -> Response:
    """Assess a photo, then show its result; the form's own key makes a second click harmless."""
    services: Services = request.app.state.services
    async with services.intake.place(quarantine.digest_of(caller), size_of(request)) as place:
        upload = await read_upload(request, timeout=services.settings.upload_timeout)
        place.received(len(upload.image))
        key = check_key(upload.fields.get("idempotency_key"))
        record = await predict(services, Order(caller, upload.image, upload.context, upload.consent, key))
        if record.result:
            place.assessed()
    return RedirectResponse(f"/results/{record.id}", status_code=303)


@router.get("/results/{record_id}")
async def show_result(request: Request, record_id: str, caller: AnyCaller) -> Response:
    """The decision, what it means and what it is worth."""
    services: Services = request.app.state.services
    record = await lookup.find(services, caller, record_id)
    model = await services.manifests.get(record.model) if record.model else await champion(services)
    images = f"/v1/predictions/{record.id}"
    return page(
        request,
        "result.html",
        caller=caller,
        model=model,
        item=record,
        advice=advice_for(record),
        worth=worth(record, model, services.settings.prevalence) if model else None,
        limits=limits(model) if model else (),
        photo=f"{images}/photo",
        heatmap=f"{images}/heatmap" if record.cam else None,
        deletable=record.owner == caller.id or caller.role is Role.ADMIN,
    )


@router.post("/results/{record_id}/delete")
async def delete(request: Request, record_id: str, caller: AnyCaller) -> Response:
    """Erase a photo and its answer."""
    services: Services = request.app.state.services
    await lookup.erase(services, caller, record_id)
    return RedirectResponse("/", status_code=303)
