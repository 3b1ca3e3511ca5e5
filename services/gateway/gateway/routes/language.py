"""The language switch of every page: a form, so that it works without a script and comes back to where it was."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth import refuse_foreign_writes
from gateway.languages import languages
from gateway.speaking import COOKIE

A_YEAR = 365 * 24 * 3600
router = APIRouter(include_in_schema=False)


@router.post("/language")
async def choose_language(
    request: Request,
    language: Annotated[str, Form(max_length=20)],
    back: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Keep the choice in a cookie; one that is not known changes nothing."""
    refuse_foreign_writes(request)
    answer = RedirectResponse(back if is_ours(back) else "/", status_code=303)
    if language in languages():
        answer.set_cookie(
            COOKIE, language, max_age=A_YEAR, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
    return answer


def is_ours(address: str) -> bool:
    """Whether it is a path of this site, however a browser may read it."""
    return address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
