"""Who may do what on Google's emulators: every route by every kind of caller, as the gateway stands on Cloud Run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.backends import Cloud
from tests.emulators import Emulator
from tests.inference_process import inference
from tests.security.door import CALLERS, HOST, OWNERS, SCHEDULER, Door, open_door
from tests.security.strangers import bad_tokens
from tests.security.test_matrix import OWN_PAGE, ROWS, SCHEDULED, SIGNED, ask

from gateway.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = [route for route in ROWS if route != SIGNED]  # there, uploads go to the bucket itself: test_uploads.py
GATEWAY = "gateway@nevus-test.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def cloud(gcs: Emulator, firestore: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Names of a project and its buckets."""
    named = Cloud(gcs, firestore).settings(tmp_path_factory.mktemp("cloud"))
    with pytest.MonkeyPatch.context() as patched:
        for name, value in named.items():
            patched.setenv(name, value)
        yield named


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def door(cloud: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    named = {name.lower(): value for name, value in cloud.items()}
    data = tmp_path_factory.mktemp("gateway")
    own = {"identity": "oidc", "data_dir": data, "intake_workers": 1, "reconcile": "request"}
    async with open_door(Settings.model_validate(named | own)) as opened:
        yield opened


@pytest.mark.parametrize("route", ASKED, ids=" ".join)
async def test_each_caller_is_answered_as_the_row_says(door: Door, route: tuple[str, str]) -> None:
    answered = []
    for kind in CALLERS:
        answer = await ask(door, route, OWN_PAGE | await door.credentials(kind, "token"), OWNERS["token"])
        answered.append(str(answer.status_code))
    assert " ".join(answered) == (ROWS[route].oidc or ROWS[route].answers)


async def test_the_scheduler_alone_may_ask_for_reconciling(door: Door) -> None:
    good = partial(door.issuer.service_token, SCHEDULER, HOST)
    wrong = bad_tokens(door.issuer, good, HOST)
    for reason, token in wrong.items():
        answer = await door.client.request(*SCHEDULED, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, reason
    answer = await door.client.request(*SCHEDULED, headers={"Authorization": f"Bearer {good()}"})
    assert answer.status_code == 200


async def test_the_gateway_alone_may_ask_inference(door: Door, cloud: dict[str, str], tmp_path: Path) -> None:
    audience = "https://inference.test"
    good = partial(door.issuer.service_token, GATEWAY, audience)
    asked = {"CALLER_AUDIENCE": audience, "CALLER_EMAILS": GATEWAY, "GOOGLE_KEYS_URL": door.issuer.url}
    with inference(Path(), tmp_path, WORKERS=1, **cloud, **asked) as server:
        server.wait_for("/v2/health/ready", seconds=60)
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            for reason, token in bad_tokens(door.issuer, good, audience).items():
                assert await status(client, token) == 401, reason
            assert await status(client, door.issuer.service_token(SCHEDULER, audience)) == 403
            assert await status(client, good()) == 200


async def status(client: httpx.AsyncClient, token: str) -> int:
    """Of the answer to who shows it."""
    return (await client.get("/v2/models/champion", headers={"Authorization": f"Bearer {token}"})).status_code
