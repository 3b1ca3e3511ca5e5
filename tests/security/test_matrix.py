"""Who may do what: every route of the app, by every kind of caller, by every way in."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount
from tests.security.door import CALLERS, HOST, KEY_WAYS, OIDC_WAYS, OWNER, OWNERS, PHOTO, Door, new_id, start_canary

from gateway.app import create_app
from gateway.auth import IAP_HEADER
from gateway.settings import Settings
from nevus.domain import Role
from nevus.registry import Channel

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE = timedelta(minutes=1)
OWN_PAGE = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}
Body = Callable[[Door], Awaitable[dict[str, Any]]]


async def nothing(_: Door) -> dict[str, Any]:
    return {}


async def a_photo(_: Door) -> dict[str, Any]:
    return {"files": {"image": ("a.jpg", PHOTO, "image/jpeg")}}


async def a_photo_with_consent(_: Door) -> dict[str, Any]:
    return {"files": {"image": ("a.jpg", PHOTO, "image/jpeg")}, "data": {"consent_version": "2"}}


async def a_word(_: Door) -> dict[str, Any]:
    return {"data": {"sure": "true"}}


async def an_upload(door: Door) -> dict[str, Any]:
    signed = await door.services.photos.sign_upload(
        f"quarantine/{secrets.token_hex(8)}", content_type="image/jpeg", max_bytes=len(PHOTO), lifetime=MINUTE
    )
    return {"url": signed.url, "content": PHOTO, "headers": dict(signed.headers)}


async def a_diagnosis(_: Door) -> dict[str, Any]:
    return {"json": {"label": "melanoma", "malignant": True}}


async def a_finding(_: Door) -> dict[str, Any]:
    return {"data": {"choice": "malignant:melanoma"}}


async def a_link(door: Door) -> dict[str, Any]:
    return {"data": {"token": door.link()}}


async def a_language(_: Door) -> dict[str, Any]:
    return {"data": {"language": "es", "back": "/docs"}}


async def a_move(door: Door) -> dict[str, Any]:
    pointer, generation = await door.services.registry.pointer(Channel.CHAMPION)
    return {"json": {"version": pointer.version}, "headers": {"If-Match": f'"{generation}"'}}


async def a_canary(door: Door) -> dict[str, Any]:
    await start_canary(door)
    return {}


async def a_canarys_end(door: Door) -> dict[str, Any]:
    await start_canary(door)
    return {"data": {"tag": (await door.services.registry.pointer(Channel.CANARY))[1]}}


async def a_form(door: Door) -> dict[str, Any]:
    pointer, generation = await door.services.registry.pointer(Channel.CHAMPION)
    return {"data": {"version": pointer.version, "tag": generation}}


async def a_comparison(door: Door) -> dict[str, Any]:
    version = (await door.services.registry.resolve(Channel.CHAMPION)).version
    return {"params": {"first": version, "second": version}}


async def a_person(_: Door) -> dict[str, Any]:
    return {"data": {"role": "client", "name": "somebody"}}


async def a_key(door: Door) -> dict[str, Any]:
    name = door.identity.create_key(Role.CLIENT).key_id if door.services.callers.keys else "key_" + "0" * 12
    return {"url": f"/admin/people/keys/{name}/revoke"}


@dataclasses.dataclass(frozen=True)
class Row:
    """What each of CALLERS is answered, and what is sent; `oidc` where it differs with IDENTITY=oidc."""

    answers: str
    body: Body = nothing
    oidc: str = ""


# nobody, malformed, revoked, other, owner, clinician, admin
ANYONE = "200 200 200 200 200 200 200"
KNOWN = "401 401 401 200 200 200 200"
CLINICAL = "401 401 401 403 403 200 200"
ADMINS, MADE, MOVED, ELSEWHERE = (f"401 401 401 403 403 403 {status}" for status in (200, 201, 303, 404))
OWN = "401 401 401 404 200 200 200"
OWNER_ALONE = "401 401 401 404 200 404 404"
WRITTEN = "401 401 401 303 303 303 303"
SIGNED = ("PUT", "/v1/uploads/content")  # opened by its URL's signature, whoever sends
SCHEDULED = ("POST", "/internal/reconcile")  # for the scheduler alone: test_scheduler.py
ROWS = {
    ("GET", "/openapi.json"): Row(ANYONE),
    ("GET", "/docs"): Row(ANYONE),
    ("GET", "/healthz"): Row(ANYONE),
    ("GET", "/readyz"): Row(ANYONE),
    ("GET", "/metrics"): Row(ANYONE),
    ("GET", "/static/{path}"): Row(ANYONE),
    ("GET", "/sign-in"): Row(ANYONE),
    ("POST", "/sign-in"): Row("303 303 303 303 303 303 303", a_link, oidc="404 404 404 404 404 404 404"),
    ("POST", "/language"): Row("303 303 303 303 303 303 303", a_language),
    ("POST", "/sign-out"): Row("401 401 401 303 303 303 303"),
    ("GET", "/"): Row(KNOWN),
    ("GET", "/data"): Row(KNOWN),
    ("POST", "/data/training"): Row(WRITTEN),
    ("GET", "/data/delete"): Row(KNOWN),
    ("POST", "/data/delete"): Row(WRITTEN, a_word),
    ("GET", "/v1/export"): Row(KNOWN),
    ("GET", "/consent"): Row(KNOWN),
    ("GET", "/consent/{edition}"): Row(KNOWN),
    ("POST", "/results"): Row(WRITTEN, a_photo_with_consent),
    ("GET", "/results/{record_id}"): Row(OWN),
    ("GET", "/results/{record_id}/delete"): Row("401 401 401 404 200 403 200"),
    ("POST", "/results/{record_id}/delete"): Row("401 401 401 404 303 403 303"),
    ("GET", "/worklist"): Row(CLINICAL),
    ("GET", "/worklist.csv"): Row(CLINICAL),
    ("GET", "/worklist/{record_id}"): Row(CLINICAL),
    ("GET", "/worklist/{record_id}/report"): Row(CLINICAL),
    ("POST", "/worklist/{record_id}/diagnosis"): Row("401 401 401 403 403 303 303", a_finding),
    ("GET", "/batch"): Row(CLINICAL),
    ("POST", "/batch"): Row(CLINICAL, a_photo),
    ("POST", "/results/{record_id}/spot"): Row(OWNER_ALONE.replace("200", "303")),
    ("POST", "/results/{record_id}/training"): Row(OWNER_ALONE.replace("200", "303")),
    ("GET", "/spots"): Row(KNOWN),
    ("GET", "/spots/{case_id}"): Row(OWNER_ALONE),
    ("GET", "/spots/{case_id}/delete"): Row(OWNER_ALONE),
    ("POST", "/spots/{case_id}/delete"): Row(OWNER_ALONE.replace("200", "303")),
    ("GET", "/admin"): Row(ADMINS),
    ("GET", "/admin/drift"): Row(ADMINS),
    ("GET", "/admin/audit"): Row(ADMINS),
    ("POST", "/admin/audit/verification"): Row(ADMINS),
    ("GET", "/admin/models"): Row(ADMINS),
    ("GET", "/admin/models/compare"): Row(ADMINS, a_comparison),
    ("GET", "/admin/models/{version}"): Row(ADMINS),
    ("POST", "/admin/models/channels/{channel}"): Row(MOVED, a_form),
    ("POST", "/admin/models/canary/end"): Row(MOVED, a_canarys_end),
    ("GET", "/admin/training"): Row(ADMINS),
    ("POST", "/admin/training"): Row(MOVED),
    ("GET", "/admin/training/{run_id}"): Row(ADMINS),
    ("POST", "/admin/training/{run_id}/cancel"): Row(MOVED),
    ("GET", "/admin/people"): Row(ADMINS),
    ("POST", "/admin/people/keys"): Row(MADE, a_person, oidc=ELSEWHERE),
    ("POST", "/admin/people/keys/{key_id}/revoke"): Row(MOVED, a_key, oidc=ELSEWHERE),
    ("POST", "/admin/people/invitations"): Row(MADE, a_person, oidc=ELSEWHERE),
    ("POST", "/admin/people/sessions/end"): Row(MOVED, a_person, oidc=ELSEWHERE),
    ("POST", "/v1/predictions"): Row("401 401 401 201 201 201 201", a_photo),
    ("POST", "/v1/uploads"): Row("401 401 401 201 201 201 201"),
    SIGNED: Row(ANYONE, an_upload),
    ("GET", "/v1/predictions"): Row(KNOWN),
    ("GET", "/v1/predictions/{record_id}"): Row(OWN),
    ("DELETE", "/v1/predictions/{record_id}"): Row("401 401 401 404 204 403 204"),
    ("GET", "/v1/predictions/{record_id}/photo"): Row(OWN),
    ("GET", "/v1/predictions/{record_id}/heatmap"): Row(OWN),
    ("PUT", "/v1/predictions/{record_id}/diagnosis"): Row("401 401 401 403 403 200 200", a_diagnosis),
    ("POST", "/v1/training-runs"): Row("401 401 401 403 403 403 202"),
    ("GET", "/v1/training-runs"): Row("401 401 401 403 403 403 200"),
    ("GET", "/v1/training-runs/{run_id}"): Row("401 401 401 403 403 403 200"),
    ("POST", "/v1/training-runs/{run_id}/cancel"): Row("401 401 401 403 403 403 202"),
    ("GET", "/v1/audit"): Row("401 401 401 403 403 403 200"),
    ("POST", "/v1/audit/verification"): Row("401 401 401 403 403 403 200"),
    ("GET", "/v1/stats"): Row("401 401 401 403 403 200 200"),
    ("GET", "/v1/models"): Row(KNOWN),
    ("GET", "/v1/models/{version}"): Row(KNOWN),
    ("GET", "/v1/models/{version}/report"): Row(KNOWN),
    ("GET", "/v1/models/{version}/verdicts"): Row(KNOWN),
    ("GET", "/v1/channels/{channel}"): Row(KNOWN),
    ("PUT", "/v1/channels/{channel}"): Row("401 401 401 403 403 403 200", a_move),
    ("DELETE", "/v1/channels/canary"): Row("401 401 401 403 403 403 200", a_canary),
    SCHEDULED: Row("401 401 401 401 401 401 401"),
}
WRITING = [route for route in ROWS if route[0] != "GET" and route not in (SIGNED, SCHEDULED)]


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    mounts = {("GET", f"{route.path}/{{path}}") for route in app.routes if isinstance(route, Mount)}
    named = {(method, str(each.path)) for each in iter_route_contexts(app.routes) for method in each.methods or ()}
    return mounts | {(method, path) for method, path in named if method != "HEAD"}


async def ask(door: Door, route: tuple[str, str], headers: dict[str, str], owner: str = OWNER) -> httpx.Response:
    """A request that is right but for who sends it, on a new record of `owner`."""
    method, path = route
    body = await ROWS[route].body(door)
    version = (await door.services.registry.resolve(Channel.CHAMPION)).version
    places = {"path": "style.css", "version": version, "channel": "champion", "edition": "1", "key_id": ""}
    if "{case_id}" in path:
        places["case_id"] = str((await door.record(owner, case_id=new_id())).context.case_id)
    if "{record_id}" in path:
        places["record_id"] = (await door.record(owner)).id
    if "{run_id}" in path:
        places["run_id"] = (await door.training_run()).id
    headers = headers | body.pop("headers", {})
    door.client.cookies.clear()
    url = body.pop("url", path.format(**places))
    return await door.client.request(method, url, headers=headers, **body)


async def test_every_route_has_a_row(tmp_path: Path) -> None:
    assert routes_of(create_app(Settings(data_dir=tmp_path))) == set(ROWS)


@pytest.mark.parametrize("way", KEY_WAYS + OIDC_WAYS)
@pytest.mark.parametrize("route", ROWS, ids=" ".join)
async def test_each_caller_is_answered_as_the_row_says(
    door: Door, oidc_door: Door, route: tuple[str, str], way: str
) -> None:
    answered = []
    opened = door if way in KEY_WAYS else oidc_door
    for kind in CALLERS:
        answer = await ask(opened, route, OWN_PAGE | await opened.credentials(kind, way), OWNERS.get(way, OWNER))
        answered.append(str(answer.status_code))
        if answer.status_code in {401, 403, 404}:
            assert answer.headers["content-type"] == "application/problem+json"
    row = ROWS[route]
    assert " ".join(answered) == (row.oidc if way in OIDC_WAYS and row.oidc else row.answers)


@pytest.mark.parametrize("route", WRITING, ids=" ".join)
async def test_no_other_site_writes_as_who_is_signed_in(door: Door, oidc_door: Door, route: tuple[str, str]) -> None:
    for opened, way in ((door, "session"), (oidc_door, "iap")):
        for foreign in ({}, {"Origin": "http://evil.test"}, OWN_PAGE | {"Sec-Fetch-Site": "cross-site"}):
            answer = await ask(opened, route, foreign | await opened.credentials("admin", way))
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/cross-site-request")


@pytest.mark.parametrize("route", WRITING, ids=" ".join)
async def test_a_bad_bearer_is_not_made_good_by_what_a_browser_brings(
    door: Door, oidc_door: Door, route: tuple[str, str]
) -> None:
    if route in {("POST", "/sign-in"), ("POST", "/language")}:
        return
    for opened, browser, bearer in ((door, "session", "key"), (oidc_door, "iap", "token")):
        good, bad = await opened.credentials("admin", browser), await opened.credentials("revoked", bearer)
        assert (await ask(opened, route, OWN_PAGE | good | bad)).status_code == 401


async def test_each_deployment_takes_its_own_ways_in_alone(door: Door, oidc_door: Door) -> None:
    for way in KEY_WAYS:
        assert (await ask(oidc_door, ("GET", "/"), await door.credentials("admin", way))).status_code == 401
    for way in OIDC_WAYS:
        assert (await ask(door, ("GET", "/"), await oidc_door.credentials("admin", way))).status_code == 401
    swapped = {"Authorization": f"Bearer {(await oidc_door.credentials('admin', 'iap'))[IAP_HEADER]}"}
    assert (await ask(oidc_door, ("GET", "/"), swapped)).status_code == 401


async def test_another_method_is_told_those_that_are_taken(door: Door) -> None:
    for path, methods in (("/v1/predictions/x", "DELETE, GET"), ("/v1/channels/canary", "DELETE, GET, PUT")):
        answer = await door.client.patch(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize("route", ROWS, ids=" ".join)
async def test_every_route_has_the_headers(door: Door, route: tuple[str, str]) -> None:
    answer = await ask(door, route, OWN_PAGE | await door.credentials("admin", "key"))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy or policy.startswith("sandbox;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    kept = {("GET", "/static/{path}"): "public", ("GET", "/v1/predictions/{record_id}/photo"): "private"}
    assert answer.headers["cache-control"].split(",")[0] == kept.get(route, "no-store")
