"""Every error as a problem and its `application/problem+json`, those of the framework included."""

from __future__ import annotations

import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.problems import MEDIA_TYPE, Problem
from nevus.ports import Unavailable
from nevus.telemetry import request_id

BY_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
}
KINDS = (Problem, HTTPException, RequestValidationError, Unavailable)


def problem_response(problem: Problem) -> Response:
    """The answer for a problem."""
    body = json.dumps(problem.body(request_id.get())).encode()
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers)


def invalid_request(errors: list[Any]) -> Problem:
    """A validation error told by place and rule; what was sent is not repeated."""
    told = [{"where": ".".join(str(part) for part in each["loc"]), "message": each["msg"]} for each in errors]
    detail = "; ".join(f"{e['where']}: {e['message']}".removeprefix(": ") for e in told)  # a whole body has no place
    return Problem("invalid-request", detail, extra={"errors": told})


def as_problem(error: Exception) -> Problem:
    """The problem that an exception of `KINDS` stands for."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(BY_STATUS.get(error.status_code, "invalid-request"), headers=error.headers)
    if isinstance(error, RequestValidationError):
        return invalid_request(list(error.errors()))
    return Problem("unavailable", "Please try again.")
