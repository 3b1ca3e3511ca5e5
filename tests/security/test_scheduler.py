"""Reconciling by request: for Cloud Scheduler's service account alone, which may do nothing else."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.security.door import HOST, PHOTO, SCHEDULER, Door, MadeUp, open_door
from tests.security.strangers import bad_tokens
from tests.security.test_matrix import ROWS, SCHEDULED, ask

from gateway.app import create_app
from gateway.settings import Settings
from nevus.audit_links import Head
from nevus.domain import Measurement, ModelRef
from nevus.ports import Unavailable
from nevus.registry import Channel

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def door(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    data = tmp_path_factory.mktemp("data")
    shutil.copytree(models_dir, data / "models", ignore=shutil.ignore_patterns("*.keras"))
    base = Settings(data_dir=data, models_dir=None, intake_workers=1)
    told = {"identity": "oidc", "reconcile": "request", "reconcile_after": 0.0}
    async with open_door(base.model_copy(update=told)) as opened:
        yield opened


async def reconcile(door: Door, token: str, body: bytes = b"") -> httpx.Response:
    return await door.client.post("/internal/reconcile", headers={"Authorization": f"Bearer {token}"}, content=body)


class Late(MadeUp):
    """Inference that does not answer in time."""

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        del photo, timeout, by
        raise Unavailable("late")


async def test_it_finishes_what_is_pending(door: Door) -> None:
    working, owner = door.services, await door.credentials("owner", "token")
    late = Late(await working.registry.resolve(Channel.CHAMPION))
    door.app.state.services = dataclasses.replace(working, classifier=late)
    sent = await door.client.post("/v1/predictions", files={"image": PHOTO}, headers=owner)
    door.app.state.services = working
    assert sent.status_code == 202
    scheduler = door.issuer.service_token(SCHEDULER, HOST)
    first, second = await reconcile(door, scheduler), await reconcile(door, scheduler, b'{"sweep": true}')
    assert (first.status_code, first.json()) == (200, {"complete": 1, "failed": 0})
    assert second.json() == {"complete": 0, "failed": 0, "swept": 0}
    assert (await door.client.get(sent.headers["location"], headers=owner)).json()["status"] == "complete"


async def test_a_damaged_audit_log_is_told_and_holds_up_no_sweep(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def damaged() -> Head:
        raise Unavailable("the audit log's head is damaged")

    photos, left = door.services.settings.data_dir / "photos", "a" * 26 + ".left.jpg"
    monkeypatch.setattr(door.services.records, "audit_head", damaged)
    await door.services.photos.put(left, b"left by a crash")
    os.utime(photos / left, (1, 1))
    answer = await reconcile(door, door.issuer.service_token(SCHEDULER, HOST), b'{"sweep": true}')
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert not (photos / left).exists()


async def test_everyone_else_is_refused(door: Door) -> None:
    admin = (await door.credentials("admin", "token"))["Authorization"].removeprefix("Bearer ")
    refused = {
        "": 401,
        "x": 401,
        admin: 401,
        door.issuer.service_token(SCHEDULER, "https://another.test"): 401,
        door.issuer.service_token(SCHEDULER, HOST, email_verified=False): 401,
        door.issuer.service_token(SCHEDULER, HOST, exp=1): 401,
        door.issuer.service_token("gateway@nevus-test.iam.gserviceaccount.com", HOST): 403,
    }
    for token, status in refused.items():
        answer = await reconcile(door, token, b"not even JSON")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await door.client.post("/internal/reconcile")).status_code == 401


async def test_a_token_that_does_not_hold_is_no_one(door: Door) -> None:
    tokens = bad_tokens(door.issuer, partial(door.issuer.service_token, SCHEDULER, HOST), HOST)
    for reason, token in tokens.items():
        assert (await reconcile(door, token)).status_code == 401, reason


@pytest.mark.parametrize("body", [b"x", b"[]", b'{"sweep": 7}', b'{"sleep": true}'])
async def test_a_wish_that_is_none_is_refused(door: Door, body: bytes) -> None:
    answer = await reconcile(door, door.issuer.service_token(SCHEDULER, HOST), body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")


@pytest.mark.parametrize("route", ROWS, ids=" ".join)
async def test_its_token_opens_nothing_else(door: Door, route: tuple[str, str]) -> None:
    if route == SCHEDULED or not ROWS[route].answers.startswith("401"):
        return
    token = {"Authorization": f"Bearer {door.issuer.service_token(SCHEDULER, HOST)}"}
    assert (await ask(door, route, token)).status_code == 401


async def test_without_its_settings_nobody_may_ask(door: Door) -> None:
    token, working = door.issuer.service_token(SCHEDULER, HOST), door.services
    for closed in (
        dataclasses.replace(working, callers=dataclasses.replace(working.callers, scheduler=None)),
        dataclasses.replace(working, settings=working.settings.model_copy(update={"reconcile_caller": ""})),
    ):
        door.app.state.services = closed
        assert (await reconcile(door, token)).status_code in {401, 403}
    door.app.state.services = working


async def test_it_is_no_part_of_the_public_api(tmp_path: Path) -> None:
    assert "/internal/reconcile" not in create_app(Settings(data_dir=tmp_path)).openapi()["paths"]
