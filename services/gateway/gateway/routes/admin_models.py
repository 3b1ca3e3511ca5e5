"""The admin's pages of the registry: versions, two of them side by side, promoting, trying as a canary, going back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway import channels, comparing, pictures
from gateway.auth import AdminCaller
from gateway.problems import Problem
from gateway.rendering import page
from gateway.services import Services
from gateway.versions import shelf, standing
from nevus.pointers import LARGEST_SHARE
from nevus.registry import Channel

router = APIRouter(prefix="/admin/models", include_in_schema=False)
Version = Annotated[str, Path(pattern="^[A-Za-z0-9._-]{1,80}$")]
Chosen = Annotated[str, Query(pattern="^[A-Za-z0-9._-]{1,80}$")]
Tag = Annotated[str, Form(pattern="^[0-9]{1,20}$")]
SHORTEST, LONGEST = 20, 500  # characters of a reason to overrule a verdict
EXPLAINED = frozenset({"verdict-missing", "verdict-failed", "precondition-failed", "model-unusable"})


@router.get("")
async def show_models(
    request: Request, caller: AdminCaller, moved: Annotated[Channel | None, Query()] = None
) -> Response:
    """Channels, and every version with what it is worth."""
    services: Services = request.app.state.services
    versions = await shelf(services)
    return page(
        request, "admin_models.html", caller=caller, moved=moved, versions=versions, standing=await standing(services)
    )


@router.get("/compare")
async def compare(request: Request, caller: AdminCaller, first: Chosen, second: Chosen) -> Response:
    """Figures of two versions with their intervals, and the differences."""
    services: Services = request.app.state.services
    both = [await channels.details(services, version) for version in (first, second)]
    manifests = [each.manifest for each in both]
    columns = {
        column: [pictures.subgroups(manifest, column, "auroc") for manifest in manifests]
        for column in comparing.COLUMNS
    }
    return page(
        request,
        "admin_compare.html",
        caller=caller,
        both=both,
        pairs=comparing.pairs(*manifests),
        measures=comparing.MEASURES,
        columns={column: drawn for column, drawn in columns.items() if any(drawn)},
        names=comparing.COLUMNS,
        same=comparing.same_photos(*manifests),
    )


@router.get("/{version}")
async def show_model(request: Request, caller: AdminCaller, version: Version) -> Response:
    """One version: figures, subgroups, verdicts, and where it may be sent."""
    return await version_page(request, caller, version)


@router.post("/channels/{channel}")
async def move(
    request: Request,
    caller: AdminCaller,
    channel: Channel,
    version: Annotated[str, Form(pattern="^[A-Za-z0-9._-]{1,80}$")],
    tag: Tag,
    overrule: Annotated[str | None, Form(max_length=4 * LONGEST)] = None,
    share: Annotated[float | None, Form(gt=0, le=100 * LARGEST_SHARE)] = None,
) -> Response:
    """Point a channel at a version, if it still points where the form has seen it; `share` is in percent."""
    services: Services = request.app.state.services
    reason = (overrule or "").strip()
    if overrule is not None and not SHORTEST <= len(reason) <= LONGEST:
        return await version_page(request, caller, version, status=422, channel=channel, reason=reason, share=share)
    given = None if share is None else share / 100
    try:
        await channels.move(services, caller, channel, version, f'"{tag}"', overrule=reason or None, share=given)
    except Problem as problem:
        if problem.type not in EXPLAINED:
            raise
        return await version_page(
            request, caller, version, status=problem.status, channel=channel, problem=problem, share=share
        )
    return RedirectResponse(f"/admin/models?moved={channel.value}", status_code=303)


@router.post("/canary/end")
async def end_canary(request: Request, caller: AdminCaller, tag: Tag) -> Response:
    """End the canary that the form has seen."""
    await channels.end_canary(request.app.state.services, caller, f'"{tag}"')
    return RedirectResponse(f"/admin/models?moved={Channel.CANARY.value}", status_code=303)


async def version_page(
    request: Request, caller: AdminCaller, version: str, *, status: int = 200, **shown: Any
) -> Response:
    """A version, with the problem that a move has met: its `channel`, `problem`, `reason` and `share`."""
    services: Services = request.app.state.services
    details = await channels.details(services, version)
    drawn = {column: pictures.subgroups(details.manifest, column, "auroc") for column in comparing.COLUMNS}
    values: dict[str, Any] = {"channel": None, "problem": None, "reason": None, "share": None} | shown
    return page(
        request,
        "admin_model.html",
        caller=caller,
        status=status,
        item=details,
        figures=comparing.figures(details.manifest),
        measures=comparing.MEASURES,
        photos=comparing.overall(details.manifest).get("n"),
        charts={column: chart for column, chart in drawn.items() if chart},
        names=comparing.COLUMNS,
        verdicts=await channels.verdicts(services, version),
        standing=await standing(services),
        shortest=SHORTEST,
        longest=LONGEST,
        **values,
    )
