"""What every route says in the same way."""

from __future__ import annotations

import json
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from inference.refusals import Refusal
from inference.service import Served, Service
from nevus.telemetry import OUTCOME_HEADER, REQUEST_ID_HEADER, request_id


def service_of(request: Request) -> Service:
    """What the application was built with."""
    return cast(Service, request.app.state.service)


async def model_of(request: Request) -> Served:
    """The model that the path names; raises NotReady, UnknownModel, Loading, Unusable."""
    return await service_of(request).model(request.path_params["name"], request.path_params.get("version"))


def json_answer(content: dict[str, Any], status: int = 200) -> Response:
    """A JSON body, in ASCII so that anything can be told."""
    return Response(json.dumps(content), status, media_type="application/json")


def refused(refusal: Refusal) -> Response:
    """The protocol's error object."""
    answer = json_answer({"error": str(refusal)}, refusal.status)
    answer.headers[OUTCOME_HEADER] = refusal.outcome
    if refusal.retry_after is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return with_request_id(answer)


def with_request_id(answer: Response) -> Response:
    """Name the request, once it has an id."""
    if request_id.get():
        answer.headers[REQUEST_ID_HEADER] = request_id.get()
    return answer


async def on_refusal(_: Request, error: Exception) -> Response:
    """A refusal outside of inference."""
    return refused(cast(Refusal, error))


async def on_http_error(_: Request, error: Exception) -> Response:
    """No such path or method."""
    http = cast(HTTPException, error)
    answer = json_answer({"error": http.detail}, http.status_code)
    answer.headers.update(http.headers or {})
    return answer


async def on_error(_: Request, __: Exception) -> Response:
    """A fault of ours; what happened is in the log."""
    return with_request_id(json_answer({"error": "internal error"}, 500))
