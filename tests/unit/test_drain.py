"""Pending predictions are tried at a pace that all instances share, and none of them in step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from tests.fakes import World, world
from tests.unit.test_predict import order

from gateway import drain
from gateway.predict import predict
from gateway.reconcile import Reconciler
from nevus import clock
from nevus.domain import Status
from nevus.ports import Unavailable

RATE = 20.0


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir, reconcile_rate=RATE) as made:
        yield made


async def pending(nevus: World, count: int) -> list[str]:
    nevus.classifier.error = Unavailable("down")
    records = [await predict(nevus.services, order(key=str(number))) for number in range(count)]
    nevus.classifier.error = None
    return [record.id for record in records]


async def test_two_instances_together_keep_to_the_rate(nevus: World) -> None:
    ids = await pending(nevus, 12)
    instances = [Reconciler(nevus.services) for _ in range(2)]
    while await nevus.records.with_status(Status.PENDING, before=datetime.max.replace(tzinfo=UTC), limit=1):
        await asyncio.gather(*(instance.round() for instance in instances))
    tried = sorted([(await nevus.records.get(each)).tried_at or clock.now() for each in ids])
    seconds = [(each - tried[0]).total_seconds() for each in tried]
    assert seconds[-1] >= 0.8 * (len(ids) - 2) / RATE
    gaps = [b - a for a, b in pairwise(seconds)]
    assert max(gaps) > 1.2 * min(gaps)  # not in step


async def test_stretches_that_are_reserved_do_not_overlap(nevus: World) -> None:
    begun = await asyncio.gather(*(drain.reserved(nevus.photos, 3.0) for _ in range(3)))
    first, second, third = sorted(begun)
    assert second - first >= 2.99
    assert third - second >= 2.99


@pytest.mark.parametrize("damage", [b"nan", b"x", b"1e99", b""])
async def test_a_moment_that_cannot_be_is_now(nevus: World, damage: bytes) -> None:
    await nevus.photos.put(drain.NEXT, damage)
    assert abs(await drain.reserved(nevus.photos, 1.0) - clock.now().timestamp()) < 5


async def test_a_store_that_fails_does_not_hold_up_the_drain(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (record_id,) = await pending(nevus, 1)
    usual = nevus.photos.put

    async def put(key: str, data: bytes, *, if_generation: int | None = None) -> int:
        if key == drain.NEXT:
            raise Unavailable("down")
        return await usual(key, data, if_generation=if_generation)

    monkeypatch.setattr(nevus.photos, "put", put)
    await Reconciler(nevus.services).round()
    assert (await nevus.records.get(record_id)).status is Status.COMPLETE


async def test_new_photos_go_first_for_a_while(nevus: World) -> None:
    nevus.intake.waiting = 3
    begun = asyncio.get_running_loop().time()
    await drain.courtesy(nevus.services)
    assert asyncio.get_running_loop().time() - begun >= 0.9 * drain.COURTESY
    nevus.intake.waiting = 0
    await drain.courtesy(nevus.services)


async def test_who_is_told_to_wait_is_told_for_how_long(nevus: World) -> None:
    await pending(nevus, 3)
    nevus.classifier.is_ready = False
    await Reconciler(nevus.services).round()
    nevus.services.backlog.pending = 200
    assert drain.seconds_left(nevus.services) == 200 / RATE


async def test_the_pace_is_no_orphan(nevus: World) -> None:
    await drain.reserved(nevus.photos, 1.0)
    assert drain.NEXT in await nevus.photos.list("")
    await Reconciler(nevus.services).sweep()
    assert await nevus.photos.list("", before=clock.now() + timedelta(days=1))
