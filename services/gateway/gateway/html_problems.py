"""Errors as pages for people; programs keep `application/problem+json`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from gateway.problem_handlers import KINDS, as_problem, problem_response
from gateway.problems import Problem
from gateway.rendering import problem_page, wants_html
from nevus.telemetry import request_id


def install(app: FastAPI) -> None:
    """Answer browsers with a page, and everyone else with the problem document."""
    for kind in KINDS:
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    if not wants_html(request):
        return problem_response(as_problem(error))
    return problem_page(request, for_people(error), request_id.get())


def for_people(error: Exception) -> Problem:
    """The problem, with the fields to look at instead of rules where a form was not valid."""
    if not isinstance(error, RequestValidationError):
        return as_problem(error)
    fields = sorted({str(each["loc"][-1]) for each in error.errors()})
    return Problem("invalid-request", f"Please look again at: {', '.join(fields)}.")
