"""The server: what it is, whether it lives, whether it takes work."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from inference.routes.answers import json_answer, service_of


async def server(_: Request) -> Response:
    """Server metadata."""
    return json_answer({"name": "nevus-inference", "version": "2", "extensions": ["binary_tensor_data"]})


async def live(_: Request) -> Response:
    """200 as long as the process answers."""
    return json_answer({"live": True})


async def ready(request: Request) -> Response:
    """200 when a version is loaded and warm and new work is taken, else 503."""
    service_of(request).holder.current  # noqa: B018 raises NotReady
    return json_answer({"ready": True})


async def metrics(_: Request) -> Response:
    """In Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
