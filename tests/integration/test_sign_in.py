"""Both ways in, on a small app of their own: who is let in, what a link is worth, what another site may not do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from gateway import html_problems
from gateway.auth import SESSION_COOKIE, AdminCaller, AnyCaller, ClinicianCaller
from gateway.routes import session
from gateway.security import HEADERS, SecurityHeaders
from gateway.services import Callers
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.sqlite import SqliteRecords
from nevus.domain import Caller, Role

HOST = "http://nevus.test"
OWN = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def identity(tmp_path: Path) -> SqliteIdentity:
    return SqliteIdentity(tmp_path / "identity.db")


def small_app(identity: SqliteIdentity, records: SqliteRecords) -> FastAPI:
    app = FastAPI()
    app.state.services = SimpleNamespace(callers=Callers(identity, sessions=identity), records=records)
    html_problems.install(app)
    app.include_router(session.router)
    app.add_middleware(SecurityHeaders)

    @app.get("/any")
    @app.post("/any")
    async def anyone(caller: AnyCaller) -> Caller:
        return caller

    @app.get("/clinician")
    async def clinician(caller: ClinicianCaller) -> Caller:
        return caller

    @app.get("/admin")
    async def admin(caller: AdminCaller) -> Caller:
        return caller

    return app


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[SqliteRecords]:
    records = SqliteRecords(tmp_path / "records.db")
    yield records
    await records.close()


@pytest.fixture
async def client(identity: SqliteIdentity, records: SqliteRecords) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(small_app(identity, records))
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        yield client
    identity.close()


async def signed_in(client: httpx.AsyncClient, identity: SqliteIdentity, caller: str = "anna") -> str:
    answer = await client.post(
        "/sign-in", data={"token": identity.create_invite(Role.CLIENT, caller)}, headers=OWN, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return answer.headers["set-cookie"]


async def test_a_link_signs_in_once_and_only_by_its_button(
    client: httpx.AsyncClient, identity: SqliteIdentity, records: SqliteRecords
) -> None:
    token = identity.create_invite(Role.CLIENT, "anna")
    for _ in range(2):  # a chat's preview of the link, then the person
        shown = await client.get("/sign-in", params={"token": token})
        assert shown.status_code == 200
        assert token in shown.text
        assert "set-cookie" not in shown.headers
    first = await client.post("/sign-in", data={"token": token}, headers=OWN)
    cookie = first.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=1209600"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert (await client.get("/any")).json() == {"id": "anna", "role": "client"}
    assert (await client.post("/sign-in", data={"token": token}, headers=OWN)).status_code == 401
    assert [(each.actor, each.action) for each in await records.audit_log()] == [("anna", "session.begin")]


async def test_the_cookie_is_secure_on_https(identity: SqliteIdentity, records: SqliteRecords) -> None:
    transport = httpx.ASGITransport(small_app(identity, records))
    async with httpx.AsyncClient(transport=transport, base_url="https://nevus.test") as client:
        token = identity.create_invite(Role.CLIENT)
        answer = await client.post("/sign-in", data={"token": token}, headers={"Origin": "https://nevus.test"})
        assert "Secure" in answer.headers["set-cookie"].split("; ")


async def test_signing_out_ends_the_session_on_the_server(client: httpx.AsyncClient, identity: SqliteIdentity) -> None:
    cookie = (await signed_in(client, identity)).split(";")[0]
    answer = await client.post("/sign-out", headers=OWN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert SESSION_COOKIE not in client.cookies
    assert (await client.get("/any", headers={"Cookie": cookie})).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OWN, 200),
        ({"Origin": HOST}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": HOST + ".evil.test"}, 403),
        ({"Origin": "http://evil.test", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": HOST, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": HOST, "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_session_writes_from_our_own_pages_alone(
    client: httpx.AsyncClient, identity: SqliteIdentity, headers: dict[str, str], status: int
) -> None:
    await signed_in(client, identity)
    answer = await client.post("/any", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"] == "/problems/cross-site-request"
    assert (await client.get("/any", headers=headers)).status_code == 200


async def test_another_site_cannot_sign_someone_in(client: httpx.AsyncClient, identity: SqliteIdentity) -> None:
    token = identity.create_invite(Role.CLIENT)
    answer = await client.post("/sign-in", data={"token": token}, headers={"Origin": "http://evil.test"})
    assert answer.status_code == 403
    assert (await client.post("/sign-in", data={"token": token}, headers=OWN)).status_code == 303


async def test_a_request_with_both_is_judged_by_its_key(client: httpx.AsyncClient, identity: SqliteIdentity) -> None:
    await signed_in(client, identity, "anna")
    key = identity.create_key(Role.CLINICIAN, "ben")
    assert (await client.post("/any", headers={"Authorization": f"Bearer {key.secret}"})).json()["id"] == "ben"
    identity.revoke(key.key_id)
    for authorization in (f"Bearer {key.secret}", "Bearer", "Bearer nvs_x", "Basic YTpi", "", "Bearer \xff"):
        answer = await client.get("/any", headers={b"Authorization": authorization.encode("latin-1")})
        assert answer.status_code == 401, authorization
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


async def test_roles(client: httpx.AsyncClient, identity: SqliteIdentity) -> None:
    allowed = {
        Role.CLIENT: ["/any"],
        Role.CLINICIAN: ["/any", "/clinician"],
        Role.ADMIN: ["/any", "/clinician", "/admin"],
    }
    for role, paths in allowed.items():
        headers = {"Authorization": f"Bearer {identity.create_key(role).secret}"}
        for path in ("/any", "/clinician", "/admin"):
            assert (await client.get(path, headers=headers)).status_code == (200 if path in paths else 403)


async def test_every_answer_has_the_headers(client: httpx.AsyncClient) -> None:
    for path in ("/sign-in", "/any", "/nothing"):
        answer = await client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


async def test_a_browser_gets_its_errors_as_pages(client: httpx.AsyncClient) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path, status in (("/any", 401), ("/nothing", 404)):
        answer = await client.get(path, headers=browser)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert (await client.get(path)).headers["content-type"] == "application/problem+json"
    assert (await client.post("/sign-in", headers=browser | OWN)).status_code == 422
    script = await client.get("/sign-in", params={"token": "<script>alert(1)</script>"}, headers=browser)
    assert "<script>alert" not in script.text
