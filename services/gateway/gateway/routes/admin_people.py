"""The admin's pages of people: who may call, their keys and sessions, invitations. Secrets are shown once."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from gateway import administration
from gateway.auth import AdminCaller
from gateway.problems import Problem
from gateway.rendering import page
from gateway.services import Services
from nevus.adapters.keys import CALLER_ID
from nevus.domain import Role

router = APIRouter(prefix="/admin/people", include_in_schema=False)
Name = Annotated[str, Form(max_length=200)]
ChosenRole = Annotated[Role, Form()]


@router.get("")
async def show_people(request: Request, caller: AdminCaller) -> Response:
    """Callers, keys without their secrets, and forms; says so where an identity provider keeps all that."""
    return await people_page(request, caller)


@router.post("/keys")
async def create_key(request: Request, caller: AdminCaller, role: ChosenRole, name: Name = "") -> Response:
    """Make a key; its secret is on this answer alone."""
    office = administration.office_of(request.app.state.services, caller)
    if (chosen := chosen_name(name)) is None:
        return await people_page(request, caller, status=422, refused="key", name=name)
    made = await administration.create_key(office, role, chosen or None)
    return await people_page(request, caller, status=201, key=made)


@router.post("/keys/{key_id}/revoke")
async def revoke_key(
    request: Request, caller: AdminCaller, key_id: Annotated[str, Path(pattern="^key_[0-9a-f]{1,64}$")]
) -> Response:
    """Lock a key out for good."""
    if not await administration.revoke_key(administration.office_of(request.app.state.services, caller), key_id):
        raise Problem("not-found", "There is no such key that could be revoked.")
    return RedirectResponse("/admin/people#keys", status_code=303)


@router.post("/invitations")
async def invite(request: Request, caller: AdminCaller, role: ChosenRole, name: Name = "") -> Response:
    """Make a sign-in link; it is on this answer alone, good once and for 15 minutes."""
    office = administration.office_of(request.app.state.services, caller)
    if (chosen := chosen_name(name)) is None:
        return await people_page(request, caller, status=422, refused="invitation", name=name)
    token = await administration.invite(office, role, chosen or None)
    link = f"{str(request.base_url).rstrip('/')}/sign-in?token={quote(token)}"
    return await people_page(request, caller, status=201, link=link)


@router.post("/sessions/end")
async def end_sessions(request: Request, caller: AdminCaller, name: Name) -> Response:
    """Sign a caller out everywhere, and take back their links; keys stay."""
    await administration.end_sessions(administration.office_of(request.app.state.services, caller), name)
    return RedirectResponse("/admin/people", status_code=303)


def chosen_name(name: str) -> str | None:
    """A caller's id; empty for a new one, None for one that cannot be."""
    stripped = name.strip()
    return stripped if not stripped or CALLER_ID.fullmatch(stripped) else None


async def people_page(request: Request, caller: AdminCaller, *, status: int = 200, **shown: Any) -> Response:
    """With what was made just now: `key` or `link`; or which form was `refused`, and its `name`."""
    services: Services = request.app.state.services
    store = services.callers.keys
    people = await asyncio.to_thread(store.callers) if store else ()
    keys = await asyncio.to_thread(store.keys) if store else ()
    values: dict[str, Any] = {"key": None, "link": None, "refused": None, "name": ""} | shown
    return page(
        request,
        "admin_people.html",
        caller=caller,
        status=status,
        managed=store is not None,
        people=people,
        keys=sorted(keys, key=lambda key: (key.revoked_at is not None, key.created_at)),
        roles=tuple(Role),
        **values,
    )
