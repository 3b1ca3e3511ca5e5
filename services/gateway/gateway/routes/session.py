"""Signing in by a one-time link and out again; behind IAP, which signs people in itself, what there is to know."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth import SESSION_COOKIE, address_of, any_caller, refuse_foreign_writes
from gateway.problems import Problem
from gateway.rendering import page
from gateway.services import Callers, Services
from nevus.audit import by

SESSION_SECONDS = 14 * 24 * 3600
Token = Annotated[str, Query(max_length=200)]
IAP_SIGN_OUT = "/?gcp-iap-mode=CLEAR_LOGIN_COOKIE"  # answered by IAP itself
router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def show_sign_in(request: Request, token: Token = "") -> Response:
    """A page with a button: a preview of the link must not use it up, so that only the button's POST does."""
    services: Services = request.app.state.services
    return page(request, "sign_in.html", token=token, links=services.callers.sessions is not None)


@router.post("/sign-in")
async def sign_in(request: Request, token: Annotated[str, Form(max_length=200)]) -> Response:
    """Exchange the link's token for a session."""
    refuse_foreign_writes(request)
    services: Services = request.app.state.services
    if services.callers.sessions is None:
        raise Problem("not-found", "Nobody signs in by a link here.")
    session = await services.callers.failures.known(token, address_of(request), services.callers.sessions.redeem)
    if session is None:
        raise Problem("unauthorized", "This link was used before, or is older than 15 minutes. Please ask for another.")
    caller = await services.callers.sessions.session(session)
    if caller is not None:
        await services.records.audit(by(caller, "session.begin", caller.id))
    answer = RedirectResponse("/", status_code=303)
    _set_cookie(request, answer, session, SESSION_SECONDS)
    return answer


@router.post("/sign-out", dependencies=[Depends(any_caller)])
async def sign_out(request: Request) -> Response:
    """End the session of this browser, or let IAP end its own."""
    callers: Callers = request.app.state.services.callers
    if callers.sessions is None:
        return RedirectResponse(IAP_SIGN_OUT if callers.iap else "/sign-in", status_code=303)
    await callers.sessions.end_session(request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse("/sign-in", status_code=303)
    _set_cookie(request, answer, "", 0)
    return answer


def _set_cookie(request: Request, answer: Response, value: str, seconds: int) -> None:
    answer.set_cookie(
        SESSION_COOKIE, value, max_age=seconds, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
