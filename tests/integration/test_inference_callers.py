"""From service to service: inference lets in whom it is told to, and the gateway's client says who it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from tests.inference_process import InferenceProcess, inference
from tests.issuer import Issuer, token_issuer
from tests.security.strangers import bad_tokens

from inference.model import warm_up_photo
from inference.settings import from_environment
from nevus.adapters.http_classifier import HttpClassifier
from nevus.ports import Unavailable

AUDIENCE = "https://inference.test"
GATEWAY = "gateway@p.iam.gserviceaccount.com"
PATHS = ("/v2", "/v2/models/champion", "/v2/models/champion/infer", "/metrics", "/nowhere")


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with token_issuer() as started:
        yield started


@pytest.fixture(scope="module")
def server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[InferenceProcess]:
    folder = tmp_path_factory.mktemp("inference")
    asked = {"CALLER_AUDIENCE": AUDIENCE, "CALLER_EMAILS": f"{GATEWAY}, x@p.test", "GOOGLE_KEYS_URL": issuer.url}
    with inference(models_dir, folder, WORKERS=1, **asked) as process:
        process.wait_for("/v2/health/ready")
        yield process


async def test_the_gateway_is_let_in(server: InferenceProcess, issuer: Issuer) -> None:
    async def token() -> str:
        return issuer.service_token(GATEWAY, AUDIENCE)

    client = HttpClassifier(server.url, token=token)
    assert await client.ready()
    assert (await client.measure(warm_up_photo(), timeout=5)).embedding.size
    await client.close()


async def test_a_client_without_a_token_is_told_that_inference_is_down(server: InferenceProcess) -> None:
    async def none() -> str:
        raise Unavailable("no metadata server")

    for client in (HttpClassifier(server.url), HttpClassifier(server.url, token=none)):
        with pytest.raises(Unavailable):
            await client.measure(warm_up_photo(), timeout=5)
        await client.close()
    assert not await HttpClassifier(server.url, token=none).ready()


@pytest.mark.parametrize("path", PATHS)
def test_everyone_else_is_not(server: InferenceProcess, issuer: Issuer, path: str) -> None:
    known = issuer.service_token(GATEWAY, AUDIENCE)
    strangers = [
        ("", 401),
        ("Bearer", 401),
        ("Bearer x", 401),
        (f"Basic {known}", 401),
        (f"Bearer {known[:-20]}SIGNATURE_REMOVED_BY", 401),
        (f"Bearer {issuer.service_token(GATEWAY, 'https://gateway.test')}", 401),
        (f"Bearer {issuer.service_token(GATEWAY, AUDIENCE, email_verified=False)}", 401),
        (f"Bearer {issuer.service_token('other@p.test', AUDIENCE)}", 403),
    ]
    for authorization, status in strangers:
        headers = {"Authorization": authorization} if authorization else {}
        answer = httpx.get(server.url + path, headers=headers, trust_env=False)
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), authorization
    assert httpx.get(server.url + path, headers={"Authorization": f"Bearer {known}"}, trust_env=False).status_code in {
        200,
        404,
        405,
    }


def test_a_token_that_does_not_hold_is_no_one(server: InferenceProcess, issuer: Issuer) -> None:
    tokens = bad_tokens(issuer, partial(issuer.service_token, GATEWAY, AUDIENCE), AUDIENCE)
    tokens["of a person"] = issuer.token("admin", role="admin", aud=AUDIENCE, email=GATEWAY, email_verified=True)
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        for reason, token in tokens.items():
            answer = client.get("/v2/models/champion", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, reason


def test_probes_need_no_token(server: InferenceProcess) -> None:
    assert [server.status(f"/v2/health/{name}") for name in ("live", "ready")] == [200, 200]


def test_an_audience_without_callers_does_not_start() -> None:
    for half in ({"CALLER_AUDIENCE": AUDIENCE}, {"CALLER_EMAILS": GATEWAY}):
        with pytest.raises(ValidationError, match="go together"):
            from_environment(half)
