"""Who is calling: a Bearer key, or else the session cookie of the pages. A request with both is judged by its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from gateway.problems import Problem
from gateway.services import Services
from nevus.domain import Caller, Role

SESSION_COOKIE = "nevus_session"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})

# These two document the ways in; `any_caller` reads the request itself.
Key = Annotated[object, Security(HTTPBearer(auto_error=False, scheme_name="key", description="An API key, `nvs_...`"))]
Session = Annotated[object, Security(APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="session"))]


async def any_caller(request: Request, _key: Key, _session: Session) -> Caller:
    """Whoever is known; raises the problems `unauthorized` and `cross-site-request`."""
    services: Services = request.app.state.services
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        caller = await services.identity.caller(token.strip()) if scheme.lower() == "bearer" else None
    else:
        caller = await services.identity.session(request.cookies.get(SESSION_COOKIE, ""))
        if caller is not None:
            refuse_foreign_writes(request)
    if caller is None:
        raise unauthorized()
    return caller


def refuse_foreign_writes(request: Request) -> None:
    """A request that changes something must say that it comes from our own pages; raises `cross-site-request`.

    The browser says so in Sec-Fetch-Site or, where it sends none (plain HTTP in a local network), in Origin.
    """
    if request.method in READING:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign_site = site is not None and site not in OWN_SITE
    foreign_origin = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign_site or foreign_origin or (site is None and origin is None):
        raise Problem("cross-site-request", "A session is taken from this site's own pages only.")


def unauthorized() -> Problem:
    """401; tells the same for a missing, malformed, unknown, expired and revoked secret."""
    return Problem("unauthorized", "Send a valid key, or sign in.", headers={"WWW-Authenticate": "Bearer"})


def one_of(*roles: Role) -> Callable[[Caller], Caller]:
    """A dependency that lets only these roles in; raises the problem `forbidden`."""

    def allowed(caller: AnyCaller) -> Caller:
        if caller.role not in roles:
            raise Problem("forbidden", f"This takes the role {' or '.join(role.value for role in roles)}.")
        return caller

    return allowed


AnyCaller = Annotated[Caller, Depends(any_caller)]
ClinicianCaller = Annotated[Caller, Depends(one_of(Role.CLINICIAN, Role.ADMIN))]
AdminCaller = Annotated[Caller, Depends(one_of(Role.ADMIN))]
