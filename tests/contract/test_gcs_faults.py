"""What Cloud Storage's adapter makes of a network and a service that fail."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.faults import (
    Exchange,
    Fault,
    Proxy,
    answer_cut,
    answer_damaged,
    answer_lost,
    answers,
    dribbles,
    hangs,
    request_cut,
    request_damaged,
)

from nevus.adapters.gcs import GcsStore
from nevus.adapters.gcs_cloud import Patience
from nevus.ports import NotFound, PreconditionFailed, Unavailable

pytestmark = pytest.mark.usefixtures("no_pauses")

PATIENCE = Patience(silence=0.5, within=3.0)
PASSING: dict[str, Fault] = {
    "408": answers(408),
    "429": answers(429),
    "500": answers(500),
    "502": answers(502),
    "503": answers(503),
    "504": answers(504),
    "request cut": request_cut,
    "answer cut": answer_cut,
    "answer lost": answer_lost,
    "hangs": hangs,
}
OF_WRITES = PASSING | {"damaged": request_damaged, "refused as damaged": answers(400, "CRC32C does not match")}
OF_READS = PASSING | {"damaged": answer_damaged}


def each(faults: dict[str, Fault]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", faults.values(), ids=list(faults))


@pytest.fixture
def store(bucket: str, proxy: Proxy) -> GcsStore:
    return GcsStore(bucket, patience=PATIENCE)


@each(OF_WRITES)
async def test_a_create_that_meets_a_fault_makes_one_object(store: GcsStore, proxy: Proxy, fault: Fault) -> None:
    proxy.plan(fault, of="POST")
    generation = await store.put("photos/one", b"pixels", if_generation=0)
    stored = await store.get("photos/one")
    assert (stored.data, stored.generation) == (b"pixels", generation)
    assert list(await store.list("")) == ["photos/one"]
    with pytest.raises(PreconditionFailed):
        await store.put("photos/one", b"pixels", if_generation=0)


@each(OF_WRITES)
async def test_a_replacement_that_meets_a_fault_happens(store: GcsStore, proxy: Proxy, fault: Fault) -> None:
    first = await store.put("one", b"first")
    proxy.plan(fault, of="POST")
    second = await store.put("one", b"second", if_generation=first)
    stored = await store.get("one")
    assert (stored.data, stored.generation) == (b"second", second)
    proxy.plan(fault, of="POST")
    assert await store.put("one", b"third") != second
    assert (await store.get("one")).data == b"third"


@each(OF_READS)
async def test_a_read_that_meets_a_fault_is_whole(store: GcsStore, proxy: Proxy, fault: Fault) -> None:
    await store.put("one", b"pixels")
    proxy.plan(fault, of="GET")
    assert (await store.get("one")).data == b"pixels"


@each(PASSING)
async def test_deleting_and_listing_go_on_after_a_fault(store: GcsStore, proxy: Proxy, fault: Fault) -> None:
    await store.put("one", b"pixels")
    proxy.plan(fault, of="GET")
    assert list(await store.list("")) == ["one"]
    proxy.plan(fault, of="DELETE")
    await store.delete("one")
    with pytest.raises(NotFound):
        await store.get("one")


async def test_an_object_of_another_writer_is_not_taken_for_ours(store: GcsStore, proxy: Proxy, bucket: str) -> None:
    def overtaken(exchange: Exchange) -> None:
        asyncio.run(GcsStore(bucket).put("one", b"not pixels", if_generation=0))
        request_cut(exchange)

    proxy.plan(overtaken, of="POST")
    with pytest.raises(PreconditionFailed):
        await store.put("one", b"our pixels", if_generation=0)
    assert (await store.get("one")).data == b"not pixels"


async def test_equal_bytes_are_no_success_without_a_fault(store: GcsStore, proxy: Proxy) -> None:
    await store.put("one", b"pixels", if_generation=0)
    proxy.seen.clear()
    with pytest.raises(PreconditionFailed):
        await store.put("one", b"pixels", if_generation=0)
    assert len(proxy.seen) == 1


@each(OF_READS)
async def test_a_fault_that_stays_is_unavailable_in_time(store: GcsStore, proxy: Proxy, fault: Fault) -> None:
    await store.put("one", b"pixels")
    proxy.seen.clear()
    proxy.plan(fault, times=100)
    for call in (store.get("one"), store.put("one", b"pixels")):
        start = time.monotonic()
        with pytest.raises(Unavailable):
            await call
        assert time.monotonic() - start < PATIENCE.within + 1.5
    assert len(proxy.seen) <= 8


async def test_a_refusal_is_not_repeated(store: GcsStore, proxy: Proxy) -> None:
    for status in (400, 403):
        proxy.plan(answers(status), times=4)
        for call in (store.get("one"), store.put("one", b""), store.delete("one"), store.list("")):
            with pytest.raises(Unavailable):
                await call
    assert len(proxy.seen) == 8


async def test_a_missing_bucket_is_unavailable(proxy: Proxy, store: GcsStore) -> None:
    proxy.plan(answers(404, "The specified bucket does not exist."), times=4)
    for call in (store.get("one"), store.put("one", b""), store.delete("one"), store.list("")):
        with pytest.raises(Unavailable):
            await call
    with pytest.raises(Unavailable):
        await GcsStore("no-such-bucket").put("one", b"")


async def test_a_photo_is_one_request(store: GcsStore, proxy: Proxy) -> None:
    await store.put("photos/one", b"pixels" * 100_000, if_generation=0)
    assert len(proxy.seen) == 1


async def test_a_read_that_dribbles_ends_in_time(bucket: str, proxy: Proxy) -> None:
    store = GcsStore(bucket, patience=Patience(silence=0.5, within=0.5))
    await store.put("one", bytes(1_000_000))
    proxy.plan(dribbles, of="GET")
    start = time.monotonic()
    with pytest.raises(Unavailable):
        await store.get("one")
    assert time.monotonic() - start < 5


async def test_the_loop_runs_on_while_the_store_hangs(store: GcsStore, proxy: Proxy) -> None:
    proxy.plan(hangs)
    hanging = asyncio.create_task(store.put("one", b"pixels"))
    ticks = 0
    while not hanging.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 10
