"""Every error as `application/problem+json`, those of the framework included."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.problems import MEDIA_TYPE, Problem
from nevus.ports import Unavailable
from nevus.telemetry import request_id

BY_STATUS = {401: "unauthorized", 403: "forbidden", 404: "not-found", 405: "method-not-allowed"}


def problem_response(problem: Problem) -> Response:
    """The answer for a problem."""
    body = json.dumps(problem.body(request_id.get())).encode()
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers)


def invalid_request(errors: list[Any]) -> Problem:
    """A validation error told by place and rule; what was sent is not repeated."""
    told = [{"where": ".".join(str(part) for part in each["loc"]), "message": each["msg"]} for each in errors]
    return Problem("invalid-request", "; ".join(f"{e['where']}: {e['message']}" for e in told), extra={"errors": told})


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _on_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError | ValidationError)
    return problem_response(invalid_request(list(error.errors())))


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem(BY_STATUS.get(error.status_code, "invalid-request"), headers=error.headers)
    return problem_response(problem)


async def _on_unavailable(_: Request, error: Exception) -> Response:
    del error
    return problem_response(Problem("unavailable", "Please try again.", headers={"Retry-After": "2"}))


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Unavailable, _on_unavailable)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
