"""The way of a photo with everything that can go wrong on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.fakes import EMPTY, World, world
from tests.photos import lesion

from gateway.predict import Order, predict
from gateway.problems import Problem
from nevus.domain import Caller, Consent, Context, Decision, Measurement, Prediction, Role, Status
from nevus.ports import Busy, Page, Unavailable, Unprocessable

ANNA = Caller(id="anna", role=Role.CLIENT)
PHOTO, OTHER = lesion((160, 120), 1), lesion((160, 120), 2)


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


def order(image: bytes = PHOTO, key: str | None = None, **context: object) -> Order:
    return Order(ANNA, image, Context.model_validate(context), Consent(), key)


async def refused(nevus: World, asked: Order) -> str:
    with pytest.raises(Problem) as caught:
        await predict(nevus.services, asked)
    return caught.value.type


async def stored(nevus: World) -> list[str]:
    return list(await nevus.photos.list(""))


async def test_a_photo_is_stored_decided_and_recorded(nevus: World) -> None:
    record = await predict(nevus.services, order())
    assert record.status is Status.COMPLETE
    assert record == await nevus.records.get(record.id)
    assert await stored(nevus) == [f"{record.id}.{record.photo.sha256}.jpg"]
    assert record.model == nevus.classifier.model
    assert record.cam_shape == (7, 7)
    assert len(record.cam) == 98


async def test_the_same_key_and_body_give_the_same_answer_once(nevus: World) -> None:
    first = await predict(nevus.services, order(key="k"))
    assert await predict(nevus.services, order(key="k")) == first
    assert len(nevus.classifier.calls) == 1


async def test_another_body_under_the_same_key_is_refused(nevus: World) -> None:
    await predict(nevus.services, order(key="k"))
    assert await refused(nevus, order(OTHER, key="k")) == "idempotency-key-reused"
    assert await refused(nevus, order(key="k", age=70)) == "idempotency-key-reused"


async def test_a_key_is_the_callers_own(nevus: World) -> None:
    first = await predict(nevus.services, order(key="k"))
    ben = Caller(id="ben", role=Role.CLIENT)
    assert (await predict(nevus.services, Order(ben, PHOTO, Context(), Consent(), "k"))).id != first.id


async def test_duplicates_at_once_leave_one_record_and_one_photo(nevus: World) -> None:
    found = await asyncio.gather(*(predict(nevus.services, order(key="k")) for _ in range(6)))
    assert len({record.id for record in found}) == 1
    assert len(await stored(nevus)) == 1


@pytest.mark.parametrize("loser", [order(OTHER, key="k"), order(key="k", age=70)], ids=["photo", "facts"])
async def test_the_one_that_lost_takes_nothing_from_the_winner(nevus: World, loser: Order) -> None:
    answers = await asyncio.gather(
        predict(nevus.services, order(key="k")), predict(nevus.services, loser), return_exceptions=True
    )
    (winner,) = [answer for answer in answers if isinstance(answer, Prediction)]
    assert await stored(nevus) == [f"{winner.id}.{winner.photo.sha256}.jpg"]


@pytest.mark.parametrize("error", [Busy(), Unavailable("down"), RuntimeError("a fault of our own")])
async def test_without_inference_the_photo_is_kept_as_pending(nevus: World, error: Exception) -> None:
    nevus.classifier.error = error
    record = await predict(nevus.services, order())
    assert (record.status, record.result, record.attempts) == (Status.PENDING, None, 1)
    assert len(await stored(nevus)) == 1


async def test_what_the_model_cannot_read_has_failed(nevus: World) -> None:
    nevus.classifier.error = Unprocessable()
    assert (await predict(nevus.services, order())).status is Status.FAILED


async def test_without_a_store_nothing_is_recorded(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> int:
        raise Unavailable("disk full")

    monkeypatch.setattr(nevus.photos, "put", full)
    assert await refused(nevus, order()) == "unavailable"
    assert await nevus.records.counts() == {}


async def test_a_case_is_looked_up_while_inference_works(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up, page, measure = asyncio.Event(), nevus.records.page, nevus.classifier.measure

    async def watched(**asked: Any) -> Page:
        looked_up.set()
        return await page(**asked)

    async def meeting(photo: bytes, **asked: Any) -> Measurement:
        await asyncio.wait_for(looked_up.wait(), 5)
        return await measure(photo, **asked)

    monkeypatch.setattr(nevus.records, "page", watched)
    monkeypatch.setattr(nevus.classifier, "measure", meeting)
    assert (await predict(nevus.services, order(case_id="arm"))).status is Status.COMPLETE


async def test_the_second_unusable_photo_of_a_case_advises_a_visit(nevus: World) -> None:
    nevus.classifier.quality = EMPTY
    first = await predict(nevus.services, order(case_id="arm"))
    second = await predict(nevus.services, order(OTHER, case_id="arm"))
    elsewhere = await predict(nevus.services, order(OTHER, case_id="leg"))
    assert first.result
    assert second.result
    assert elsewhere.result
    assert first.result.decision is second.result.decision is Decision.REJECTED
    assert first.result.probability is None
    assert second.result.reasons == (*first.result.reasons, "second_unusable")
    assert "second_unusable" not in elsewhere.result.reasons


async def post(client: httpx.AsyncClient, key: str = "k", **fields: str) -> httpx.Response:
    files = {"image": ("p.jpg", PHOTO)}
    return await client.post("/v1/predictions", files=files, data=fields, headers={"Idempotency-Key": key})


async def test_erased_is_gone_for_good_and_for_late_retries(nevus: World) -> None:
    async with nevus.client() as client:
        here = (await post(client)).json()["links"]["self"]
        assert (await client.delete(here)).status_code == 204
        answers = [await client.get(here), await client.get(here + "/photo"), await client.delete(here)]
        answers.append(await post(client))
        assert [answer.status_code for answer in answers] == [410] * 4
        assert {answer.json()["type"] for answer in answers} == {"/problems/erased"}
    assert await stored(nevus) == []


async def test_pending_says_where_to_look_and_that_nothing_was_assessed(nevus: World) -> None:
    nevus.classifier.error = Unavailable("down")
    async with nevus.client() as client:
        answer = await post(client)
        assert answer.status_code == 202
        assert answer.headers["location"] == answer.json()["links"]["self"]
        assert answer.json()["result"] is None
        assert answer.json()["advice"] == ["Not assessed; if the spot worries you, have it seen."]


async def test_a_full_door_answers_at_once_and_keeps_nothing(nevus: World) -> None:
    nevus.intake.full = True
    async with nevus.client() as client:
        answer = await post(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert await stored(nevus) == []


@pytest.mark.parametrize("fields", [{"age": "130"}, {"fitzpatric": "6"}, {"case_id": "../x"}, {"sex": "?"}])
async def test_facts_that_make_no_sense_are_refused(nevus: World, fields: dict[str, str]) -> None:
    async with nevus.client() as client:
        answer = await post(client, **fields)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")


@pytest.mark.parametrize("key", ["", "a b", "x" * 129])
async def test_a_key_that_is_none_is_refused(nevus: World, key: str) -> None:
    async with nevus.client() as client:
        assert (await post(client, key)).status_code == 422


@pytest.mark.parametrize("tag", ["x", "²", "9" * 5000, "-1", "7"])
async def test_a_channel_moves_from_a_known_state_only(nevus: World, tag: str) -> None:
    async with nevus.client(Role.ADMIN) as client:
        body = {"version": nevus.classifier.model.version}
        headers = [(b"If-Match", tag.encode("latin-1"))]
        moved = await client.put("/v1/channels/champion", json=body, headers=headers)
    assert moved.status_code == 412
