"""Errors as pages for people; programs keep `application/problem+json`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.responses import Response
from starlette.routing import compile_path

from gateway.problem_handlers import KINDS, as_problem, problem_response
from gateway.problems import Problem
from gateway.rendering import problem_page, wants_html
from nevus.telemetry import request_id

FILES = "GET, HEAD"  # what is mounted is no route of ours


def install(app: FastAPI) -> None:
    """Answer browsers with a page, and everyone else with the problem document."""
    for kind in KINDS:
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    problem = for_people(error) if wants_html(request) else as_problem(error)
    if problem.type == "method-not-allowed":
        problem.headers["Allow"] = methods_at(request)
    return answer(request, problem)


def answer(request: Request, problem: Problem) -> Response:
    """A problem as whoever asks can read it."""
    return problem_page(request, problem, request_id.get()) if wants_html(request) else problem_response(problem)


def methods_at(request: Request) -> str:
    """Every method of every route that fits the path; the framework names those of the first one alone."""
    routes = iter_route_contexts(request.app.routes)
    fitting = (each for each in routes if compile_path(str(each.path))[0].match(request.url.path))
    return ", ".join(sorted({method for each in fitting for method in each.methods or ()})) or FILES


def for_people(error: Exception) -> Problem:
    """The problem, with the fields to look at instead of rules where a form was not valid."""
    if not isinstance(error, RequestValidationError):
        return as_problem(error)
    fields = sorted({str(each["loc"][-1]) for each in error.errors()})
    return Problem("invalid-request", f"Please look again at: {', '.join(fields)}.")
