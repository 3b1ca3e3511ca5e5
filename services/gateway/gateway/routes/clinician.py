"""The clinicians' pages: the worklist and its CSV, one photo with all that is known of it, a report, a diagnosis."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from gateway import lookup, worklist
from gateway.advice import advice_for
from gateway.auth import ClinicianCaller
from gateway.explain import limits, worth
from gateway.findings import BENIGN, MALIGNANT, finding_of, spoken
from gateway.neighbours import MOST
from gateway.rendering import champion, page
from gateway.services import Services
from gateway.worklist import View, apart, view_of
from nevus import clock
from nevus.domain import Caller, Prediction
from nevus.ports import PortError
from nevus.registry import Manifest, RegistryError

CASE_PHOTOS = 20
Word = Annotated[str, Query(max_length=20)]
Cursor = Annotated[str | None, Query(max_length=200)]
RecordId = Annotated[str, Path(pattern="^[a-z2-7]{26}$")]
Saved = Annotated[str, Query(pattern="^([a-z2-7]{26})?$")]
router = APIRouter(include_in_schema=False)


def chosen(answer: Word = "", modality: Word = "", reviewed: Word = "open") -> View:
    """The part of the worklist that an address names."""
    return view_of(answer, modality, reviewed)


Chosen = Annotated[View, Depends(chosen)]


@router.get("/worklist")
async def show_worklist(
    request: Request,
    caller: ClinicianCaller,
    view: Chosen,
    cursor: Cursor = None,
    find: Annotated[str, Query(max_length=80)] = "",
    saved: Saved = "",
) -> Response:
    """What is to be seen, the urgent first; or what is found by a number, which alone is shown at once."""
    services: Services = request.app.state.services
    if find.strip():
        items, more = await worklist.search(services, find), None
        if len(items) == 1:
            return RedirectResponse(view.path(f"/worklist/{items[0].id}"), status_code=303)
    else:
        listed = await worklist.listed(services, view, cursor)
        items, more = listed.items, listed.cursor
    return page(
        request,
        "clinician_worklist.html",
        caller=caller,
        model=await champion(services),
        view=view,
        items=items,
        cursor=more,
        first=cursor is None,
        find=find.strip(),
        saved=saved,
        counts=await services.records.counts(),
        apart=apart,
        spoken=spoken,
    )


@router.get("/worklist.csv")
async def export(request: Request, caller: ClinicianCaller, view: Chosen) -> Response:
    """The same part as a table, whole, sent as it is read."""
    pieces = await worklist.table(request.app.state.services, caller, view)
    headers = {"Content-Disposition": f'attachment; filename="{worklist.file_name()}"'}
    return StreamingResponse(pieces, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/worklist/{record_id}")
async def show_case(
    request: Request, caller: ClinicianCaller, record_id: RecordId, view: Chosen, saved: Saved = ""
) -> Response:
    """A photo, what was read from it, earlier ones of its lesion, and confirmed ones that look alike."""
    services: Services = request.app.state.services
    record = await lookup.find(services, caller, record_id)
    following = await worklist.following(services, view, record)
    return page(
        request,
        "clinician_case.html",
        **await facts(services, caller, record),
        view=view,
        saved=saved,
        following=following,
        earlier=await same_lesion(services, record),
        similar=await services.neighbours.of(services.records, record),
        compared=MOST,
        malignant=MALIGNANT,
        benign=BENIGN,
    )


@router.get("/worklist/{record_id}/report")
async def report(request: Request, caller: ClinicianCaller, record_id: RecordId) -> Response:
    """One page for paper; nothing of any other photo is on it."""
    services: Services = request.app.state.services
    record = await lookup.find(services, caller, record_id)
    return page(request, "clinician_report.html", **await facts(services, caller, record), printed=clock.now())


@router.post("/worklist/{record_id}/diagnosis")
async def diagnose(
    request: Request,
    caller: ClinicianCaller,
    record_id: RecordId,
    view: Chosen,
    choice: Annotated[str, Form(max_length=80)] = "",
    other: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Confirm or correct a diagnosis, then go on to the next photo of the list."""
    services: Services = request.app.state.services
    finding = finding_of(choice, other)
    before = await lookup.find(services, caller, record_id)
    await lookup.diagnose(services, caller, record_id, finding.label, finding.malignant)
    following = await worklist.following(services, view, before)
    onward = f"/worklist/{following.id}" if following else "/worklist"
    return RedirectResponse(view.path(onward, saved=record_id), status_code=303)


async def facts(services: Services, caller: Caller, record: Prediction) -> dict[str, Any]:
    """What both pages of a photo tell."""
    model = await manifest_of(services, record)
    return {
        "caller": caller,
        "model": model,
        "item": record,
        "advice": advice_for(record),
        "worth": worth(record, model, services.settings.prevalence) if model else None,
        "limits": limits(model) if model else (),
        "apart": apart(record),
        "spoken": spoken,
    }


async def manifest_of(services: Services, record: Prediction) -> Manifest | None:
    """Of the version that answered, or would; None where it cannot be read."""
    if record.model is None:
        return await champion(services)
    try:
        return await services.manifests.get(record.model)
    except (PortError, RegistryError):
        return None


async def same_lesion(services: Services, record: Prediction) -> tuple[Prediction, ...]:
    """The other photos of its owner's case, newest first."""
    case = record.context.case_id
    if case is None:
        return ()
    found = await services.records.page(owner=record.owner, case_id=case, limit=CASE_PHOTOS)
    return tuple(each for each in found.items if each.id != record.id)
