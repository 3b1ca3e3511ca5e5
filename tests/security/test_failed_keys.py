"""A real gateway: wrong keys, links and sessions are counted by the address that sends them, and by no header of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from tests.gateway_process import GatewayProcess, gateway

from gateway.middleware import Proxied

ADMIN = "nvs_" + secrets.token_urlsafe(32)
A_MINUTE = 6
CLAIMED = [
    ("X-Forwarded-For", "10.0.0.1, 10.0.0.2"),  # made up by the client
    ("X-Forwarded-For", "198.51.100.1,203.0.113.1"),
    ("X-Forwarded-Proto", "https"),
]


@pytest.fixture(scope="module")
def nevus(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    settings = {"NEVUS_ADMIN_KEY": ADMIN, "FAILED_KEYS": A_MINUTE, "INTAKE_WORKERS": 1}
    with gateway(models_dir, folder, "http://127.0.0.1:9", **settings) as process:
        process.wait_for("/healthz")
        yield process


@pytest.fixture
def client(nevus: GatewayProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=nevus.url, trust_env=False) as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_wrong_keys_are_told_to_wait_whatever_address_they_claim(client: httpx.Client) -> None:
    answers = [
        client.get(
            "/v1/models",
            headers=bearer(f"nvs_{secrets.token_urlsafe(32)}")
            | {"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"},
        )
        for number in range(A_MINUTE + 3)
    ]
    assert [answer.status_code for answer in answers] == [401] * A_MINUTE + [429] * 3
    assert answers[-1].json()["type"] == "/problems/too-many-failures"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60 / A_MINUTE
    assert client.get("/v1/models", headers=bearer(ADMIN)).status_code == 200


def test_wrong_sessions_and_links_count_with_them(client: httpx.Client) -> None:
    for _ in range(A_MINUTE):
        client.get("/v1/models", headers=bearer("wrong"))
    assert client.get("/", headers={"Cookie": f"nevus_session=nvw_{secrets.token_urlsafe(32)}"}).status_code == 429
    link = {"token": f"nvi_{secrets.token_urlsafe(32)}"}
    assert client.post("/sign-in", data=link, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 429
    assert client.get("/v1/models").status_code == 401  # who sends none has guessed nothing


def test_a_right_link_and_session_are_let_in_amid_them(nevus: GatewayProcess, client: httpx.Client) -> None:
    for _ in range(A_MINUTE):
        client.get("/v1/models", headers=bearer("wrong"))
    token = nevus.invite().partition("token=")[2]
    signed_in = client.post("/sign-in", data={"token": token}, headers={"Sec-Fetch-Site": "same-origin"})
    assert (signed_in.status_code, client.get("/").status_code) == (303, 200)


async def told(proxies: int, headers: list[tuple[str, str]], peer: str = "192.0.2.1") -> list[str]:
    """Client and scheme, as the routes see them."""
    app = FastAPI()
    app.add_middleware(Proxied, proxies=proxies)

    @app.get("/")
    async def seen(request: Request) -> list[str]:
        return [request.client.host if request.client else "", request.url.scheme]

    transport = httpx.ASGITransport(app, client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://nevus.test") as client:
        return list((await client.get("/", headers=headers)).json())


@pytest.mark.parametrize(
    ("proxies", "peer", "seen"),
    [
        (0, "192.0.2.1", ["192.0.2.1", "http"]),
        (0, "127.0.0.1", ["127.0.0.1", "https"]),
        (1, "192.0.2.1", ["203.0.113.1", "https"]),
        (2, "192.0.2.1", ["198.51.100.1", "https"]),
        (5, "192.0.2.1", ["192.0.2.1", "https"]),
    ],
)
async def test_a_clients_address_is_what_a_trusted_proxy_says(proxies: int, peer: str, seen: list[str]) -> None:
    assert await told(proxies, CLAIMED, peer) == seen
    assert (await told(proxies, [], peer))[0] == peer
