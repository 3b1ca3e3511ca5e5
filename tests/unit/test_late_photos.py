"""A photo that is stored late, or a moment ago, is not taken for one that nobody wants; nor is a clock believed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from tests.fakes import World, world
from tests.unit.test_predict import OTHER, PHOTO, order, refused, stored
from tests.unit.test_reconcile import age, patient, pending

from gateway.predict import predict
from gateway.reconcile import Reconciler
from nevus import clock
from nevus.domain import Prediction, Status
from nevus.ports import NotFound, Unavailable

LONG = 3601  # seconds, after which a photo without a record may be dropped


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


async def failing(*_: object) -> None:
    raise Unavailable("down")


async def left_without_record(nevus: World, monkeypatch: pytest.MonkeyPatch, photo: bytes = PHOTO) -> str:
    """An hour ago a request with the key `k` stored its photo and could not write its record."""
    with monkeypatch.context() as patched:
        patched.setattr(nevus.records, "create", failing)
        patched.setattr("gateway.predict.STILL_COMING", 0.0)
        assert await refused(nevus, order(photo, key="k")) == "unavailable"
    (key,) = await stored(nevus)
    age(nevus, key, LONG)
    return key


async def test_a_retry_during_the_sweep_keeps_its_photo(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key, get = await left_without_record(nevus, monkeypatch), nevus.records.get
    seen: list[str] = []

    async def a_retry_comes(record_id: str) -> Prediction:
        try:
            return await get(record_id)
        except NotFound:
            seen.append(record_id)
            if len(seen) == 2:  # it is no orphan any more when the sweep has just found that it is one
                monkeypatch.setattr(nevus.records, "get", get)
                await predict(nevus.services, order(key="k"))
            raise

    monkeypatch.setattr(nevus.records, "get", a_retry_comes)
    await Reconciler(nevus.services).sweep()
    assert len(seen) == 2
    assert await stored(nevus) == [key]


async def test_a_photo_beside_the_one_on_record_goes(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await left_without_record(nevus, monkeypatch, OTHER)
    kept = await predict(nevus.services, order(key="k"))
    assert len(await stored(nevus)) == 2
    assert await Reconciler(nevus.services).sweep() == 1
    assert await stored(nevus) == [kept.photo.key(kept.id)]


async def test_an_answer_from_the_past_costs_nobody_a_photo(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await predict(nevus.services, order(key="k"))

    async def not_yet(record_id: str) -> Prediction:
        raise NotFound(record_id)

    with monkeypatch.context() as patched:
        patched.setattr(nevus.records, "get", not_yet)
        assert await refused(nevus, order(key="k")) == "unavailable"
    assert await stored(nevus) == [first.photo.key(first.id)]
    assert await predict(nevus.services, order(key="k")) == first


async def test_a_clock_that_jumps_ahead_takes_no_photo_from_a_request(
    nevus: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = nevus.records.create

    async def late(record: Prediction) -> None:
        now = clock.now() + timedelta(seconds=LONG)
        monkeypatch.setattr(clock, "now", lambda: now)
        await Reconciler(nevus.services).sweep()
        await create(record)

    monkeypatch.setattr(nevus.records, "create", late)
    record = await predict(nevus.services, order())
    assert await stored(nevus) == [record.photo.key(record.id)]
    assert nevus.services.under_way == []


async def test_a_clock_that_is_set_back_holds_up_nothing(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: now + timedelta(days=900))
        record = await pending(nevus)
    await Reconciler(patient(nevus, 60.0)).round()
    assert (await nevus.records.get(record.id)).status is Status.COMPLETE
