"""`GET /v1/predictions?order=review`: who may ask, and how an answer and a diagnosis move a record in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from tests.fakes import EMPTY, GOOD, World, world
from tests.unit.test_predict import OTHER, PHOTO, order

from gateway.predict import predict
from gateway.reconcile import Reconciler
from nevus.domain import Role
from nevus.ports import Unavailable, Unprocessable


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


async def listed(client: httpx.AsyncClient) -> list[str]:
    answer = await client.get("/v1/predictions?order=review")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def asked(nevus: World, logit: float, image: bytes = PHOTO, case_id: str | None = None) -> str:
    nevus.classifier.logit = logit
    return (await predict(nevus.services, order(image, modality="dermoscopic", case_id=case_id))).id


async def test_doubt_comes_first_and_a_diagnosis_puts_it_behind(nevus: World) -> None:
    clear = await asked(nevus, 8.0)
    routine = await asked(nevus, -8.0, case_id="c1")
    other_way = await asked(nevus, 8.0, OTHER, case_id="c1")
    nevus.classifier.quality = EMPTY
    await asked(nevus, 0.0, case_id="c2")
    twice = await asked(nevus, 0.0, OTHER, case_id="c2")
    nevus.classifier.quality = GOOD
    async with nevus.client(Role.CLINICIAN, "cleo") as client:
        assert (await listed(client))[:2] == [other_way, twice]
        for record, malignant in ((other_way, True), (routine, True), (clear, True)):
            said = {"label": "melanoma", "malignant": malignant}
            assert (await client.put(f"/v1/predictions/{record}/diagnosis", json=said)).status_code == 200
        assert await listed(client) == [twice, *(await listed(client))[1:2], routine, other_way, clear]


async def test_what_was_never_assessed_is_listed_when_it_has_failed(nevus: World) -> None:
    nevus.classifier.error = Unavailable("down")
    pending = await asked(nevus, 0.0)
    nevus.classifier.error = None
    clear = await asked(nevus, 8.0)
    async with nevus.client(Role.ADMIN, "ada") as client:
        assert await listed(client) == [clear]
        nevus.classifier.error = Unprocessable("never")
        await Reconciler(nevus.services).round()
        assert await listed(client) == [pending, clear]


async def test_it_is_for_clinicians_and_has_its_own_cursors(nevus: World) -> None:
    for n in range(3):
        await asked(nevus, float(n))
    async with nevus.client(Role.CLIENT, "anna") as client:
        answer = await client.get("/v1/predictions?order=review")
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    async with nevus.client(Role.CLINICIAN, "cleo") as client:
        first = (await client.get("/v1/predictions?order=review&limit=2")).json()
        rest = (await client.get("/v1/predictions", params={"order": "review", "cursor": first["next"]})).json()
        assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
        for query in (f"cursor={first['next']}", "order=review&case_id=c1", "order=review&cursor=a", "order=name"):
            assert (await client.get(f"/v1/predictions?{query}")).status_code == 422
