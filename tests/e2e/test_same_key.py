"""A client that sends the same request many times at once gets one prediction, on the record and in storage."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from tests.backends import Backend
from tests.gateway_process import GatewayProcess
from tests.photos import lesion

PHOTO, OTHER = lesion(seed=11), lesion(seed=12)
AT_ONCE = 100


async def post(caller: httpx.AsyncClient, photo: bytes, **facts: str) -> httpx.Response:
    headers = {"Idempotency-Key": "the-same-for-all"}
    return await caller.post("/v1/predictions", files={"image": ("a.jpg", photo)}, data=facts, headers=headers)


@pytest.mark.on_both
async def test_of_100_at_once_one_is_kept_and_all_are_told_the_same(nevus: GatewayProcess, backend: Backend) -> None:
    key = nevus.admin("create-key", "--role", "client", "--caller", "hasty")
    headers, before = {"Authorization": f"Bearer {key}"}, backend.photos(nevus.data)
    async with httpx.AsyncClient(base_url=nevus.url, headers=headers, trust_env=False, timeout=60) as caller:
        answers = await asyncio.gather(*(post(caller, PHOTO) for _ in range(AT_ONCE)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
        assert len((await caller.get("/v1/predictions")).json()["items"]) == 1
        (photo,) = set(backend.photos(nevus.data)) - set(before)
        made = answers[0].json()
        assert photo == f"{made['id']}.{made['photo']['sha256']}.jpg"
        for answer in (await post(caller, OTHER), await post(caller, PHOTO, age="70")):
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")
        assert (await caller.delete(made["links"]["self"])).status_code == 204
        assert (await post(caller, PHOTO)).status_code == 410
    assert set(backend.photos(nevus.data)) == set(before)
