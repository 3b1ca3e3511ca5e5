"""Objects that go to Cloud Storage in chunks."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.faults import (
    Exchange,
    Fault,
    Proxy,
    answer_cut,
    answer_lost,
    answers,
    hangs,
    passed,
    request_cut,
    request_damaged,
)

from nevus.adapters.gcs import GcsStore
from nevus.adapters.gcs_cloud import Patience
from nevus.adapters.gcs_upload import CHUNK
from nevus.ports import PreconditionFailed, Unavailable

pytestmark = pytest.mark.usefixtures("no_pauses")

MODEL = bytes(range(256)) * (9 * 1024 * 1024 // 256) + b"the end"  # two chunks


def half_arrives(exchange: Exchange) -> None:
    """The connection breaks in a chunk, of which the server keeps what it has."""
    request = exchange.received()
    start, _, total = re.split("[-/]", request.headers["content-range"].removeprefix("bytes "))
    half = len(request.body) // 2
    kept = {"content-range": f"bytes {start}-{int(start) + half - 1}/{total}"}
    exchange.server.forward(replace(request, body=request.body[:half], headers=request.headers | kept))
    exchange.cut()


FAULTS: dict[str, Fault] = {
    "503": answers(503),
    "request cut": request_cut,
    "half arrives": half_arrives,
    "answer cut": answer_cut,
    "answer lost": answer_lost,
    "hangs": hangs,
    "session gone": answers(410),
    "damaged": request_damaged,
    "refused as damaged": answers(400, "CRC32C does not match"),
}


@pytest.fixture
def store(bucket: str, proxy: Proxy) -> GcsStore:
    return GcsStore(bucket, patience=Patience(silence=1.0, within=5.0))


async def test_a_large_object_goes_in_chunks(store: GcsStore, proxy: Proxy) -> None:
    generation = await store.put("model", MODEL, if_generation=0)
    assert [said.split()[0] for said in proxy.seen] == ["POST", "PUT", "PUT"]
    stored = await store.get("model")
    assert (stored.data == MODEL, stored.generation) == (True, generation)


async def test_a_large_object_has_its_precondition(store: GcsStore, proxy: Proxy) -> None:
    """The emulator keeps none in chunks, so the proxy answers for it."""
    for step in ("POST", "PUT"):
        proxy.plan(answers(412), of=step)
        with pytest.raises(PreconditionFailed):
            await store.put("model", MODEL, if_generation=7)
        assert "ifGenerationMatch=7" in proxy.seen[0]


async def test_a_session_that_ended_unheard_with_our_object_is_success(store: GcsStore, proxy: Proxy) -> None:
    proxy.plan(passed, of="PUT")
    proxy.plan(answer_lost, of="PUT")
    proxy.plan(answers(404), of="PUT")
    proxy.plan(passed, of="POST")
    proxy.plan(answers(412), of="POST")
    generation = await store.put("model", MODEL, if_generation=0)
    assert generation == (await store.get("model")).generation


@pytest.mark.parametrize("nth", [0, 1], ids=["first chunk", "last chunk"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
async def test_a_cut_upload_goes_on(store: GcsStore, proxy: Proxy, fault: Fault, nth: int) -> None:
    proxy.plan(passed, times=nth, of="PUT")
    proxy.plan(fault, of="PUT")
    generation = await store.put("model", MODEL, if_generation=0)
    stored = await store.get("model")
    assert (stored.data == MODEL, stored.generation) == (True, generation)
    assert list(await store.list("")) == ["model"]


async def test_what_has_arrived_is_not_sent_again(store: GcsStore, proxy: Proxy) -> None:
    ranges = []

    def noted(exchange: Exchange) -> None:
        ranges.append(exchange.headers["content-range"])
        passed(exchange)

    proxy.plan(half_arrives, of="PUT")
    proxy.plan(noted, of="PUT", times=9)
    await store.put("model", MODEL)
    total, half = len(MODEL), CHUNK // 2
    assert ranges == [
        f"bytes */{total}",
        f"bytes {half}-{total - 1}/{total}",
    ]
    assert (await store.get("model")).data == MODEL


async def test_an_upload_that_never_goes_on_is_unavailable(store: GcsStore, proxy: Proxy) -> None:
    proxy.plan(answers(308), times=100, of="PUT")
    with pytest.raises(Unavailable):
        await store.put("model", MODEL)
    assert len(proxy.seen) < 20
