"""`/v1/models` and `/v1/channels`: the registry."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from pydantic import Field
from starlette.responses import Response

from gateway import channels
from gateway.auth import AdminCaller, AnyCaller
from gateway.openapi import answers
from gateway.views import EXAMPLE, ChannelView, ModelDetails, ModelView
from nevus.domain import Frozen
from nevus.registry import Channel

router = APIRouter(prefix="/v1", tags=["models"])
Version = Annotated[str, Path(pattern="^[A-Za-z0-9._-]{1,80}$", examples=[EXAMPLE["model"]["version"]])]
MODEL: dict[str, Any] = {**EXAMPLE["model"], "channels": ["champion"]}
CHANNEL = {"channel": "champion", "name": "mobilenet_v2", "version": MODEL["version"], "previous": None}
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Move(Frozen):
    """The version that a channel is to point at."""

    version: str = Field(pattern="^[A-Za-z0-9._-]{1,80}$", examples=[MODEL["version"]])


@router.get("/models", response_model=list[ModelView], responses=answers(example=[MODEL]))
async def list_models(request: Request, caller: AnyCaller) -> tuple[ModelView, ...]:
    """All versions in the registry."""
    return await channels.models(request.app.state.services)


@router.get("/models/{version}", response_model=ModelDetails, responses=answers("not-found", "model-unusable"))
async def get_model(request: Request, caller: AnyCaller, version: Version) -> ModelDetails:
    """A version with its manifest: metrics, data, limits, constants."""
    return await channels.details(request.app.state.services, version)


@router.get(
    "/models/{version}/report",
    response_class=Response,
    responses=answers("not-found", "model-unusable")
    | {200: {"description": "A self-contained HTML page", "content": {"text/html": {"example": "<!doctype html>"}}}},
)
async def get_report(request: Request, caller: AnyCaller, version: Version) -> Response:
    """The version's report."""
    body = await channels.report(request.app.state.services, version)
    return Response(body, media_type="text/html", headers={"Content-Security-Policy": SANDBOX})


@router.get("/channels/{channel}", response_model=ChannelView, responses=answers("not-found", example=CHANNEL))
async def get_channel(request: Request, response: Response, caller: AnyCaller, channel: Channel) -> ChannelView:
    """Where a channel points; its ETag is what a move must name."""
    view, generation = await channels.current(request.app.state.services, channel)
    response.headers["ETag"] = f'"{generation}"'
    return view


@router.put(
    "/channels/{channel}",
    response_model=ChannelView,
    responses=answers(
        "forbidden", "not-found", "precondition-failed", "precondition-required", "model-unusable", example=CHANNEL
    ),
    openapi_extra={"requestBody": {"content": {"application/json": {"example": {"version": MODEL["version"]}}}}},
)
async def put_channel(
    request: Request,
    response: Response,
    caller: AdminCaller,
    channel: Channel,
    move: Move,
    if_match: Annotated[str | None, Header(description="the channel's ETag")] = None,
) -> ChannelView:
    """Promote a version, or roll back to one. Inference serves it from its next start on."""
    services = request.app.state.services
    view, generation = await channels.move(services, caller, channel, move.version, if_match)
    response.headers["ETag"] = f'"{generation}"'
    return view
