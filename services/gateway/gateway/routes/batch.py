"""Many photos at once. With a script the page sends one after another to the API; without, one form holds them all."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from gateway import quarantine
from gateway.auth import ClinicianCaller
from gateway.batch import MOST, NONE, TOO_MANY, Outcome, Sent, assess_all
from gateway.bodies import limited, too_slow
from gateway.door import size_of
from gateway.photo_size import MAX_BODY
from gateway.plain_problems import FOR_PEOPLE, plain
from gateway.problems import Problem
from gateway.rendering import champion, page
from gateway.services import Services
from gateway.uploads import MemoryParser, check_key
from nevus.domain import Caller, Context

WRONG = {"photo-too-large": TOO_MANY, "photo-missing": NONE}
REFUSALS = tuple(kind for kind in FOR_PEOPLE if kind.startswith("photo-"))  # that one photo alone may meet
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Form:
    """The photos, what is true of all of them, and the form's own key."""

    photos: list[Sent]
    context: Context
    key: str


@router.get("/batch")
async def show_batch(request: Request, caller: ClinicianCaller) -> Response:
    """The form."""
    return await page_of(request, caller)


@router.post("/batch")
async def assess(request: Request, caller: ClinicianCaller) -> Response:
    """The table of results; the same form sent again gives the same records. What is wrong with it is told on it."""
    services: Services = request.app.state.services
    try:
        async with services.intake.place(quarantine.digest_of(caller), size_of(request)) as place:
            form = await read_form(request, timeout=services.settings.upload_timeout)
            place.received(sum(len(photo.image) for photo in form.photos))
            outcomes = await assess_all(services, caller, form.photos, form.context, form.key)
    except Problem as problem:
        if problem.type not in WRONG:
            raise
        return await page_of(request, caller, wrong=WRONG[problem.type], status=problem.status)
    return await page_of(request, caller, outcomes)


async def page_of(
    request: Request, caller: Caller, outcomes: Sequence[Outcome] = (), wrong: str = "", status: int = 200
) -> Response:
    """The form, what became of the last one, and what was wrong with it."""
    return page(
        request,
        "clinician_batch.html",
        caller=caller,
        model=await champion(request.app.state.services),
        status=status,
        key=secrets.token_urlsafe(16),
        outcomes=outcomes,
        wrong=wrong,
        plain=plain,
        refusals=REFUSALS,
    )


async def read_form(request: Request, *, timeout: float) -> Form:
    """Raises Problem: `photo-too-large`, `photo-missing`, `invalid-request`, `upload-timeout`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem("photo-missing")
    body = limited(request, MAX_BODY, Problem("photo-too-large"))
    try:
        async with asyncio.timeout(timeout):
            form = await MemoryParser(request.headers, body, max_files=MOST, max_fields=20).parse()
            sent = [each for each in form.getlist("image") if isinstance(each, UploadFile) and each.size]
            photos = [Sent(each.filename or "", await each.read()) for each in sent]
            await form.close()
    except TimeoutError:
        raise too_slow() from None
    except MultiPartException:
        raise Problem("photo-too-large") from None
    except ClientDisconnect:
        raise Problem("invalid-request", "The form is damaged or incomplete.") from None
    if not photos:
        raise Problem("photo-missing")
    key = check_key(str(form.get("idempotency_key") or secrets.token_urlsafe(16)))
    return Form(photos, context_of(str(form.get("modality") or "")), key or "")


def context_of(modality: str) -> Context:
    """What is true of all photos; raises Problem `invalid-request`."""
    try:
        return Context.model_validate({"modality": modality or None})
    except ValidationError:
        raise Problem("invalid-request", "modality: take it from the page") from None
