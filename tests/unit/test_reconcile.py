"""What is left half-way is finished by whoever comes next: no instance remembers anything."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.fakes import World, world
from tests.unit.test_predict import order, stored

from gateway.predict import predict
from gateway.problems import Problem
from gateway.reconcile import BATCH, FEW_ORPHANS, GIVE_UP_AFTER, Reconciler
from gateway.services import Services
from nevus.audit_links import Head
from nevus.domain import Prediction, Status
from nevus.ports import Unavailable


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


async def pending(nevus: World) -> Prediction:
    nevus.classifier.error = Unavailable("down")
    record = await predict(nevus.services, order())
    nevus.classifier.error = None
    return record


async def test_a_pending_one_is_completed_later(nevus: World) -> None:
    record = await pending(nevus)
    await Reconciler(nevus.services).round()
    assert (await nevus.records.get(record.id)).status is Status.COMPLETE


async def test_while_inference_is_not_ready_no_try_is_spent(nevus: World) -> None:
    record = await pending(nevus)
    nevus.classifier.is_ready = False
    for _ in range(5):
        await Reconciler(nevus.services).round()
    assert (await nevus.records.get(record.id)).attempts == 1


async def test_after_its_tries_a_pending_one_has_failed(nevus: World) -> None:
    record = await pending(nevus)
    nevus.classifier.error = Unavailable("dies of this photo")
    for _ in range(3):
        await Reconciler(nevus.services).round()
    left = await nevus.records.get(record.id)
    assert (left.status, left.attempts, left.error) == (Status.FAILED, 3, "inference could not answer")


async def test_a_photo_that_no_record_names_goes_when_it_is_an_hour_old(nevus: World) -> None:
    kept, left = await predict(nevus.services, order()), "a" * 26 + ".left.jpg"
    await nevus.photos.put(left, b"left by a crash")
    assert await Reconciler(nevus.services).sweep() == 0  # it may be that its record is about to be written
    assert len(await stored(nevus)) == 2
    for key in await stored(nevus):
        age(nevus, key, 3601)
    assert await Reconciler(nevus.services).sweep(0) == 0
    assert await Reconciler(nevus.services).sweep() == 1
    assert await stored(nevus) == [f"{kept.id}.{kept.photo.sha256}.jpg"]


async def test_a_record_that_comes_after_all_finds_its_photo_however_the_clock_has_jumped(
    nevus: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Prediction] = []

    async def reported_as_failed(record: Prediction) -> None:
        late.append(record)
        raise Unavailable("timeout")

    with monkeypatch.context() as patched:
        patched.setattr(nevus.records, "create", reported_as_failed)
        with pytest.raises(Problem):
            await predict(nevus.services, order())
    for key in await stored(nevus):
        age(nevus, key, 7200)
    assert await Reconciler(nevus.services).sweep() == 0
    assert await stored(nevus) == [late[0].photo.key(late[0].id)]


@pytest.mark.parametrize(("kept", "gone"), [(1, 0), (FEW_ORPHANS + 1, FEW_ORPHANS + 1)], ids=["most", "half"])
async def test_the_sweep_stops_where_more_photos_than_not_have_no_record(
    nevus: World, kept: int, gone: int, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(kept):
        await predict(nevus.services, order(key=str(number)))
    for number in range(FEW_ORPHANS + 1):
        await nevus.photos.put(f"{number:026}.elsewhere.jpg", b"of a record in another database")
    for key in await stored(nevus):
        age(nevus, key, 3601)
    assert await Reconciler(nevus.services).sweep() == gone
    assert len(await stored(nevus)) == kept + FEW_ORPHANS + 1 - gone
    assert ("no photo is dropped" in caplog.text) == (not gone)


async def test_a_sweep_that_fails_is_not_begun_again_with_every_round(
    nevus: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    async def fails(prefix: str, **_: object) -> list[str]:
        begun.append(prefix)
        raise Unavailable("down")

    monkeypatch.setattr(nevus.photos, "list", fails)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Reconciler(nevus.services).run(), 0.6)
    assert len(begun) == 1


async def test_a_damaged_audit_log_holds_up_nothing_else(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def damaged() -> Head:
        raise Unavailable("the audit log's head is damaged")

    monkeypatch.setattr(nevus.records, "audit_head", damaged)
    await nevus.photos.put(left := "a" * 26 + ".left.jpg", b"left by a crash")
    age(nevus, left, 3601)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Reconciler(nevus.services).run(), 0.6)
    assert await stored(nevus) == []


async def test_the_pause_between_tries_holds_for_every_instance(nevus: World) -> None:
    record, slow = await pending(nevus), patient(nevus, 0.05)
    nevus.classifier.error = Unavailable("still down")
    await asyncio.sleep(0.06)
    for _ in range(3):
        await Reconciler(slow).round()
    left = await nevus.records.get(record.id)
    assert (left.attempts, left.tried_at is not None) == (2, True)
    await asyncio.sleep(0.05 * 2**2)
    await Reconciler(slow).round()
    assert (await nevus.records.get(record.id)).attempts == 3


async def test_of_two_instances_one_tries(nevus: World) -> None:
    record = await pending(nevus)
    asked = len(nevus.classifier.calls)
    done = await asyncio.gather(*(Reconciler(nevus.services).round() for _ in range(4)))
    assert sum(counts.total() for counts in done) == 1
    assert len(nevus.classifier.calls) == asked + 1
    assert (await nevus.records.get(record.id)).status is Status.COMPLETE


async def test_a_photo_that_ends_the_process_is_not_tried_for_ever(nevus: World) -> None:
    record = await pending(nevus)
    for attempts in (2, 3):
        nevus.classifier.error = asyncio.CancelledError()  # type: ignore[assignment]
        with pytest.raises(asyncio.CancelledError):
            await Reconciler(nevus.services).round()
        assert (await nevus.records.get(record.id)).attempts == attempts


async def test_catching_up_goes_on_while_there_is_something_to_finish(nevus: World) -> None:
    nevus.classifier.error = Unavailable("down")
    for number in range(BATCH + 5):
        await predict(nevus.services, order(key=str(number)))
    nevus.classifier.error = None
    assert await Reconciler(nevus.services).catch_up(0) == {}
    assert await Reconciler(nevus.services).catch_up(30) == {Status.COMPLETE: BATCH + 5}
    assert await Reconciler(nevus.services).catch_up(30) == {}


async def test_what_waited_a_day_has_failed(nevus: World) -> None:
    record = await pending(nevus)
    await nevus.records.replace(record.model_copy(update={"created_at": record.created_at - GIVE_UP_AFTER}))
    nevus.classifier.is_ready = False
    assert await Reconciler(nevus.services).round() == {Status.FAILED: 1}


def patient(nevus: World, reconcile_after: float) -> Services:
    settings = nevus.services.settings.model_copy(update={"reconcile_after": reconcile_after})
    return dataclasses.replace(nevus.services, settings=settings)


def age(nevus: World, key: str, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(nevus.services.settings.data_dir / "photos" / key, (moment, moment))
