"""HTTP alone: parse, call, shape the answer."""

from __future__ import annotations

from starlette.routing import Route

from inference.routes.health import live, metrics, ready, server
from inference.routes.infer import infer
from inference.routes.models import model, model_ready

MODEL = "/v2/models/{name}"
VERSION = MODEL + "/versions/{version}"

ROUTES = [
    Route("/v2", server),
    Route("/v2/health/live", live),
    Route("/v2/health/ready", ready),
    *[Route(path, model) for path in (MODEL, VERSION)],
    *[Route(path + "/ready", model_ready) for path in (MODEL, VERSION)],
    *[Route(path + "/infer", infer, methods=["POST"]) for path in (MODEL, VERSION)],
    Route("/metrics", metrics),
]
