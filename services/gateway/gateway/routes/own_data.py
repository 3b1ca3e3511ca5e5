"""A person's own data: what they agreed to, all of it as a file, and its end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from gateway import consent, own_data, spots
from gateway.auth import AnyCaller
from gateway.lookup import not_found
from gateway.rendering import page
from gateway.services import Services

router = APIRouter(include_in_schema=False)


@router.get("/data")
async def show_data(request: Request, caller: AnyCaller, deleted: bool = False, withdrawn: bool = False) -> Response:
    """What is kept, and what can be done with it."""
    services: Services = request.app.state.services
    found = await spots.own(services, caller)
    return page(
        request,
        "patient_data.html",
        caller=caller,
        items=found.items,
        more=found.cursor is not None,
        training=sum(record.consent.training for record in found.items),
        agreed=consent.agreed(found.items),
        current=consent.CURRENT,
        deleted=deleted,
        withdrawn=withdrawn,
    )


@router.post("/data/training")
async def withdraw(request: Request, caller: AnyCaller) -> Response:
    """Take back the consent to training with every photo."""
    gone = await own_data.withdraw_all(request.app.state.services, caller)
    return RedirectResponse("/data?withdrawn=1" if gone else "/data", status_code=303)


@router.get("/data/delete")
async def confirm_deletion(request: Request, caller: AnyCaller, left: bool = False) -> Response:
    """Whether it is really meant; `left` after a deletion that could not be finished at once."""
    found = await spots.own(request.app.state.services, caller, limit=1)
    return page(request, "patient_delete_all.html", caller=caller, empty=not found.items, left=left, missed=False)


@router.post("/data/delete")
async def delete(request: Request, caller: AnyCaller, sure: Annotated[bool, Form()] = False) -> Response:
    """Erase everything, if that is confirmed."""
    if not sure:
        return page(request, "patient_delete_all.html", caller=caller, empty=False, left=False, missed=True, status=422)
    gone = await own_data.erase_all(request.app.state.services, caller)
    return RedirectResponse("/data?deleted=1" if gone else "/data/delete?left=1", status_code=303)


@router.get("/consent")
async def show_consent(request: Request, caller: AnyCaller) -> Response:
    """The present text."""
    return text(request, caller, consent.CURRENT)


@router.get("/consent/{edition}")
async def show_version(request: Request, caller: AnyCaller, edition: Annotated[str, Path(max_length=8)]) -> Response:
    """The text of a version that a record names."""
    if edition not in consent.VERSIONS:
        raise not_found()
    return text(request, caller, edition)


def text(request: Request, caller: AnyCaller, version: str) -> Response:
    """A consent text's page."""
    return page(
        request,
        f"consent_{version}.html",
        caller=caller,
        version=version,
        current=consent.CURRENT,
        versions=consent.VERSIONS,
    )
