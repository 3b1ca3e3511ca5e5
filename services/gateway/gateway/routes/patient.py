"""The first page of somebody with a spot: ask about a photo."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway import consent, quarantine, spots
from gateway.auth import AnyCaller
from gateway.door import size_of
from gateway.explain import limits
from gateway.predict import Order, predict
from gateway.problems import Problem
from gateway.rendering import champion, page
from gateway.services import Services
from gateway.uploads import Upload, check_key, read_upload

RECENT = 4
MINIMAL = "return=minimal"  # RFC 7240: the address of the result, not the result
router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request, caller: AnyCaller, spot: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The form, with the spots that the photo may be of, and the last photos below it."""
    services: Services = request.app.state.services
    earlier, model = await asyncio.gather(spots.own(services, caller), champion(services))
    return page(
        request,
        "patient_home.html",
        camera=True,
        caller=caller,
        model=model,
        recent=earlier.items[:RECENT],
        spots=spots.grouped(earlier.items)[0],
        chosen=spot,
        agreed=consent.agreed(earlier.items),
        consent_version=consent.CURRENT,
        limits=limits(model) if model else (),
        idempotency_key=secrets.token_urlsafe(16),
    )


@router.post("/results")
async def ask(request: Request, caller: AnyCaller) -> Response:
    """Assess a photo, then show its result; the form's own key makes a second click, or a second try, harmless."""
    services: Services = request.app.state.services
    async with services.intake.place(quarantine.digest_of(caller), size_of(request)) as place:
        upload = from_page(await read_upload(request, timeout=services.settings.upload_timeout))
        place.received(len(upload.image))
        key = check_key(upload.fields.get("idempotency_key"))
        record = await predict(services, Order(caller, upload.image, upload.context, upload.consent, key))
        if record.result:
            place.assessed()
    address = f"/results/{record.id}"
    if request.headers.get("prefer") == MINIMAL:
        return Response(status_code=201, headers={"Location": address, "Preference-Applied": MINIMAL})
    return RedirectResponse(address, status_code=303)


def from_page(upload: Upload) -> Upload:
    """With the spot's name as its case; raises Problem `invalid-request` where consent or a usable name is missing."""
    fields = dict(upload.fields)
    if "consent_version" not in fields:
        raise Problem("invalid-request", "Please read the consent text and tick its box, then send the photo again.")
    case = spots.chosen_case(fields.pop("case_id", ""), fields.pop("spot_name", ""))
    return dataclasses.replace(upload, fields=fields | ({"case_id": case} if case else {}))
