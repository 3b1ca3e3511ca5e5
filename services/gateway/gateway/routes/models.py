"""`/v1/models` and `/v1/channels`: the registry."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from pydantic import Field, StringConstraints
from starlette.responses import Response

from gateway import channels
from gateway.auth import AdminCaller, AnyCaller
from gateway.openapi import SMALL_BODY, answers
from gateway.views import EXAMPLE, ChannelView, ModelDetails, ModelView
from nevus.domain import Frozen
from nevus.pointers import LARGEST_SHARE
from nevus.registry import Channel
from nevus.verdicts import Verdict

router = APIRouter(prefix="/v1", tags=["models"])
Version = Annotated[str, Path(pattern="^[A-Za-z0-9._-]{1,80}$", examples=[EXAMPLE["model"]["version"]])]
MODEL: dict[str, Any] = {**EXAMPLE["model"], "channels": ["champion"]}
CHANNEL = {
    "channel": "champion",
    "name": "mobilenet_v2",
    "version": MODEL["version"],
    "previous": "20251112T101500Z-9c8d7e",
}
CANARY = CHANNEL | {
    "channel": "canary",
    "share": 0.1,
    "since": "2026-02-01T08:00:00Z",
    "ended": "2026-02-01T09:30:00Z",
    "reason": "ended by an admin",
}
MANIFEST: dict[str, Any] = {
    "name": "mobilenet_v2",
    "version": MODEL["version"],
    "created_at": "2026-01-31T08:00:00Z",
    "files": {"model.tflite": {"sha256": "3c4d" * 16, "size": 8_900_000}},
    "input": {"side": 224},
    "cam_bias": -0.1,
    "modalities": {
        "clinical": {
            "scale": 0.8,
            "bias": -1.2,
            "malignant_quantile": 0.04,
            "benign_quantile": 0.35,
            "operating_points": [
                {
                    "name": "sensitivity_90",
                    "sensitivity": 0.9,
                    "threshold": 0.22,
                    "measured_sensitivity": 0.91,
                    "specificity": 0.72,
                }
            ],
        }
    },
    "ood_threshold": 1.7,
    "quality": {
        "min_sharpness": 1.5,
        "min_brightness": 0.15,
        "max_brightness": 0.95,
        "min_contrast": 0.01,
        "max_glare": 0.3,
        "min_skin": 0.1,
    },
    "licence": "CC BY-NC 4.0",
}
VERDICT: dict[str, Any] = {
    "champion": {"name": "mobilenet_v2", "version": "20251112T101500Z-9c8d7e", "sha256": "5e6f" * 16},
    "challenger": EXAMPLE["model"],
    "passed": True,
    "bars": [
        {
            "name": "auroc, all photos",
            "value": 0.004,
            "interval": [-0.003, 0.011],
            "limit": "not below -0.020 (lower end)",
            "passed": True,
        }
    ],
    "policy": {"version": "1", "sha256": "7a8b" * 16},
    "data": {"split": "test", "photos": 2123, "fingerprint": "9c0d" * 16},
    "machine": "x86_64, 2 cores",
    "created_at": "2026-01-31T09:00:00Z",
}
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Move(Frozen):
    """The version that a channel is to point at."""

    version: str = Field(pattern="^[A-Za-z0-9._-]{1,80}$", examples=[MODEL["version"]])
    overrule: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20, max_length=500)] | None = Field(
        default=None, description="why it is to answer without a passing verdict; goes into the audit log"
    )
    share: float | None = Field(
        default=None, gt=0, le=LARGEST_SHARE, description="of the cases, of a canary alone; 0.1 unless set"
    )


@router.get("/models", response_model=list[ModelView], responses=answers(example=[MODEL]))
async def list_models(request: Request, caller: AnyCaller) -> tuple[ModelView, ...]:
    """All versions in the registry."""
    return await channels.models(request.app.state.services)


@router.get(
    "/models/{version}",
    response_model=ModelDetails,
    responses=answers("not-found", "model-unusable", example=MODEL | {"manifest": MANIFEST}),
)
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


@router.get(
    "/models/{version}/verdicts",
    response_model=list[Verdict],
    responses=answers("not-found", "model-unusable", example=[VERDICT]),
)
async def get_verdicts(request: Request, caller: AnyCaller, version: Version) -> tuple[Verdict, ...]:
    """What checks of this version against champions have found, newest first."""
    return await channels.verdicts(request.app.state.services, version)


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
        "forbidden",
        "not-found",
        "verdict-missing",
        "verdict-failed",
        "precondition-failed",
        "precondition-required",
        "model-unusable",
        *SMALL_BODY,
        example=CHANNEL,
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
    """Promote a version, or roll back to one. Inference finds out with the photos that come, within 15 s.

    The champion is replaced by a version with a passing verdict against it, or by one that it has replaced itself.
    Such a one may be the canary, too: it answers its share of the cases until it is ended, by itself if need be.
    """
    services = request.app.state.services
    view, generation = await channels.move(
        services, caller, channel, move.version, if_match, overrule=move.overrule, share=move.share
    )
    response.headers["ETag"] = f'"{generation}"'
    return view


@router.delete(
    "/channels/canary",
    response_model=ChannelView,
    responses=answers("forbidden", "not-found", "precondition-failed", "model-unusable", example=CANARY),
)
async def end_canary(
    request: Request,
    response: Response,
    caller: AdminCaller,
    if_match: Annotated[
        str | None, Header(description="the channel's ETag; without it whichever canary there is")
    ] = None,
) -> ChannelView:
    """End the canary: every photo is the champion's again, within CANARY_REFRESH seconds on other instances."""
    view, generation = await channels.end_canary(request.app.state.services, caller, if_match)
    response.headers["ETag"] = f'"{generation}"'
    return view
