"""Who is calling: a Bearer key or token, or else what a browser brings: IAP's header, or the pages' session cookie.

A request with several is judged by its bearer alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer

from gateway.problems import Problem
from gateway.services import Callers, Services
from nevus.domain import Caller, Role

SESSION_COOKIE = "nevus_session"
IAP_HEADER = "x-goog-iap-jwt-assertion"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})
Known = TypeVar("Known")

# These two document the ways in; `any_caller` reads the request itself.
BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="An API key, `nvs_...`, or an OIDC ID token")
Key = Annotated[object, Security(BEARER)]
Session = Annotated[object, Security(APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="session"))]


async def any_caller(request: Request, _key: Key, _session: Session) -> Caller:
    """Whoever is known; raises the problems `unauthorized`, `too-many-failures` and `cross-site-request`."""
    callers = callers_of(request)
    if "authorization" in request.headers:
        return await recognised(request, bearer_token(request), callers.identity.caller)
    caller = await browser_caller(request, callers)
    refuse_foreign_writes(request)
    return caller


def callers_of(request: Request) -> Callers:
    """Every way in."""
    services: Services = request.app.state.services
    return services.callers


async def recognised(request: Request, secret: str, identify: Callable[[str], Awaitable[Known | None]]) -> Known:
    """Whom `identify` knows by this secret; raises the problems `unauthorized` and `too-many-failures`."""
    found = await callers_of(request).failures.known(secret, address_of(request), identify) if secret else None
    if found is None:
        raise unauthorized()
    return found


def address_of(request: Request) -> str:
    """Of the client, as `gateway.middleware.Proxied` left it."""
    return request.client.host if request.client else ""


def bearer_token(request: Request) -> str:
    """Of the Authorization header; empty when it is missing or of another scheme."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def browser_caller(request: Request, callers: Callers) -> Caller:
    """Who sits before the browser: IAP says so where it is in use, else the session; raises as `recognised`."""
    if callers.iap is not None:
        return await recognised(request, request.headers.get(IAP_HEADER, ""), callers.iap.caller)
    if callers.sessions is not None:
        return await recognised(request, request.cookies.get(SESSION_COOKIE, ""), callers.sessions.session)
    raise unauthorized()


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
        raise Problem("cross-site-request", "Who is signed in writes from this site's own pages only.")


def unauthorized() -> Problem:
    """401; tells the same for a missing, malformed, unknown, expired and revoked secret."""
    return Problem("unauthorized", "Send a valid key or token, or sign in.", headers={"WWW-Authenticate": "Bearer"})


def one_of(*roles: Role) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that lets only these roles in; raises the problem `forbidden`."""

    async def allowed(caller: AnyCaller) -> Caller:  # async, so that no thread is asked
        if caller.role not in roles:
            raise Problem("forbidden", f"This takes the role {' or '.join(role.value for role in roles)}.")
        return caller

    return allowed


AnyCaller = Annotated[Caller, Depends(any_caller)]
ClinicianCaller = Annotated[Caller, Depends(one_of(Role.CLINICIAN, Role.ADMIN))]
AdminCaller = Annotated[Caller, Depends(one_of(Role.ADMIN))]
