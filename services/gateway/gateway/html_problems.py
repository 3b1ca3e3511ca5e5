"""Errors as pages for people; programs keep `application/problem+json`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.problem_handlers import BY_STATUS
from gateway.problems import Problem
from gateway.rendering import problem_page, wants_html
from nevus.telemetry import request_id

Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Put a page in the place of each JSON handler that is registered, for browsers alone."""
    for kind in (Problem, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _for_people(cast(Handler, app.exception_handlers[kind])))


def _for_people(otherwise: Handler) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        if not wants_html(request):
            return await otherwise(request, error)
        return problem_page(request, as_problem(error), request_id.get())

    return handle


def as_problem(error: Exception) -> Problem:
    """The problem that an exception stands for."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(BY_STATUS.get(error.status_code, "invalid-request"), headers=error.headers)
    assert isinstance(error, RequestValidationError)
    fields = sorted({str(each["loc"][-1]) for each in error.errors()})
    return Problem("invalid-request", f"Please look again at: {', '.join(fields)}.")
