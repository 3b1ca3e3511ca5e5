"""The model that is served."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from inference.asking import metadata
from inference.routes.answers import json_answer, model_of, service_of


async def model(request: Request) -> Response:
    """Model metadata."""
    return json_answer(metadata((await model_of(request)).loaded, service_of(request).follower.refused))


async def model_ready(request: Request) -> Response:
    """200 when this model, and this version if one is named, is served."""
    return json_answer({"name": (await model_of(request)).loaded.version.ref.name, "ready": True})
