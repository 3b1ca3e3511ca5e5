"""Pages from templates: the session's caller, the model in the footer, errors in plain words."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse, Response

from gateway.navigation import PLACES
from gateway.plain_problems import WORRIED, plain
from gateway.problems import Problem
from gateway.security import CAMERA
from gateway.services import Services
from gateway.writing import environment
from nevus.domain import Caller
from nevus.ports import PortError
from nevus.registry import Channel, Manifest, RegistryError

NON_COMMERCIAL = "CC BY-NC 4.0"  # of the model, when a part of its training data has it
templates = environment()


async def champion(services: Services) -> Manifest | None:
    """The manifest of the version that answers now; None when there is none, or it cannot be read."""
    try:
        return await services.manifests.get(await services.registry.resolve(Channel.CHAMPION))
    except (PortError, RegistryError):
        return None


def page(
    request: Request,
    template: str,
    *,
    caller: Caller | None = None,
    model: Manifest | None = None,
    status: int = 200,
    camera: bool = False,
    **values: Any,
) -> Response:
    """Render a template of this package in the language of the request; `camera` lets the page ask for it."""
    values |= {"caller": caller, "model": model, "non_commercial": NON_COMMERCIAL, "path": request.url.path}
    values |= {"places": PLACES[caller.role] if caller else (), "here": address_of(request)}
    return HTMLResponse(
        templates.get_template(template).render(values), status_code=status, headers=CAMERA if camera else None
    )


def address_of(request: Request) -> str:
    """The page's path and query, to come back to; the start where the page was the answer to a form."""
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query if request.method in {"GET", "HEAD"} else "/"


def wants_html(request: Request) -> bool:
    """Whether a person's browser asks, not a program: it prefers HTML to everything else."""
    first = request.headers.get("accept", "").split(",")[0]
    return first.split(";")[0].strip() in {"text/html", "application/xhtml+xml"}


def problem_page(request: Request, problem: Problem, request_id: str) -> Response:
    """An error as a person can read it, with the same status and headers."""
    values: dict[str, Any] = {
        "problem": problem,
        "told": plain(problem.type),
        "worried": WORRIED,
        "request_id": request_id,
    }
    answer = page(request, "problem.html", status=problem.status, **values)
    answer.headers.update(problem.headers)
    return answer
