"""What Firestore's stores promise beyond the contract: round trips, one client, nothing left of what is erased."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop
from google.cloud.firestore import AsyncClient, AsyncDocumentReference
from google.cloud.firestore_v1.types import CommitRequest
from tests.contract.conftest import new_project
from tests.contract.predictions import moment, prediction
from tests.contract.training_runs import training_run
from tests.emulators import Emulator
from tests.grpc_proxy import Proxy, grpc_proxy, tcp_wire

from nevus.adapters import firestore_calls
from nevus.adapters.firestore import FirestoreRecords
from nevus.adapters.firestore_calls import SHARED
from nevus.adapters.firestore_runs import FirestoreRuns
from nevus.domain import RunState
from nevus.ports import TOMBSTONES_KEPT, AlreadyExists, NotFound, PreconditionFailed, Unavailable


@pytest.fixture
async def proxy(firestore: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    async with grpc_proxy(firestore.address) as proxy:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.address)
        yield proxy


@pytest.fixture
async def records(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FirestoreRecords]:
    """With time enough on a busy machine, and the first call, which wakes the emulator up, behind it."""
    monkeypatch.setattr(firestore_calls, "ATTEMPT_SECONDS", 9.0)
    records = FirestoreRecords(new_project())
    await records.create(prediction("first"))
    proxy.calls.clear()
    yield records
    await records.close()


async def document(records: FirestoreRecords, name: str) -> Any:
    return (await records._records.document(name).get()).to_dict()


async def until_there(reference: AsyncDocumentReference) -> None:
    for _ in range(1000):
        if (await reference.get()).exists:
            return
        await asyncio.sleep(0.01)


async def test_a_create_is_one_write(proxy: Proxy, records: FirestoreRecords) -> None:
    await records.create(prediction())
    assert proxy.methods() == ["Commit"]
    assert len(CommitRequest.deserialize(proxy.calls[0][1]).writes) == 1


async def test_of_a_hundred_creates_at_once_one_wins(proxy: Proxy, records: FirestoreRecords) -> None:
    creates = [records.create(prediction(minutes=n)) for n in range(100)]  # one request, sent again and again
    outcomes = await asyncio.gather(*creates, return_exceptions=True)
    assert Counter(type(outcome) for outcome in outcomes) == {type(None): 1, AlreadyExists: 99}
    assert set(proxy.methods()) == {"Commit", "BatchGetDocuments"}


async def test_nothing_is_left_of_what_is_erased(records: FirestoreRecords) -> None:
    await records.create(prediction())
    await records._records.document("p1").update({"of_another_version": 1})
    await records.erase("p1", at=moment(1))
    assert await document(records, "p1") == {"erased_at": moment(1), "expires_at": moment(1) + TOMBSTONES_KEPT}


async def test_a_replacement_leaves_no_field_of_before(records: FirestoreRecords) -> None:
    await records.create(prediction())
    await records.replace(prediction(result=None))
    assert "decision" not in await document(records, "p1")
    assert (await records.counts())["decision:refer"] == 1


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "__all__", "x" * 2000, "a\0", "\ud800"])
async def test_no_record_has_a_name_that_no_document_can_have(records: FirestoreRecords, name: str) -> None:
    with pytest.raises(NotFound):
        await records.get(name)


async def test_forgets_more_tombstones_than_fit_into_a_batch(records: FirestoreRecords) -> None:
    names = [f"p{n}" for n in range(130)]
    await asyncio.gather(*(records.create(prediction(name)) for name in names))
    await asyncio.gather(*(records.erase(name, at=moment(1)) for name in names))
    assert await records.forget_tombstones(before=moment(2)) == 130
    await records.create(prediction("p7"))


async def test_what_has_ended_cannot_become_active_again(proxy: Proxy) -> None:
    runs = FirestoreRuns(new_project())
    await runs.begin(training_run())
    ended = await runs.replace(training_run(state=RunState.FAILED))
    with pytest.raises(PreconditionFailed):
        await runs.replace(ended.model_copy(update={"state": RunState.RUNNING}))
    assert await runs.active() is None
    await runs.close()


async def test_the_stores_of_a_database_share_one_client(proxy: Proxy) -> None:
    project = new_project()
    records, runs, other = FirestoreRecords(project), FirestoreRuns(project), FirestoreRecords(project, "other")
    assert len([name for name in SHARED if name[0] == project]) == 2
    await records.create(prediction())
    await records.close()
    assert await runs.active() is None
    await runs.close()
    await other.close()
    assert not [name for name in SHARED if name[0] == project]


def test_works_on_uvloop(firestore: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)

    async def round_trip() -> None:
        records = FirestoreRecords(new_project())
        await asyncio.gather(*(records.create(prediction(f"p{n}")) for n in range(20)))
        assert len((await records.page(owner="anna")).items) == 20
        await records.close()

    uvloop.run(round_trip())


async def test_a_connection_cut_after_the_write_does_no_harm(
    firestore: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)
    direct = AsyncClient(project=project).collection("records")
    async with tcp_wire(firestore.address) as wire:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", wire.address)
        records = FirestoreRecords(project)
        await records.create(prediction("before"))
        wire.deaf = True
        creating = asyncio.create_task(records.create(prediction()))
        await until_there(direct.document("p1"))
        assert not creating.done()
        wire.cut()
        await creating
        assert (await records.counts())["status:complete"] == 2
        await records.close()


async def test_a_database_that_is_down_is_unavailable_soon(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{free_port}")
    records = FirestoreRecords(new_project())
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await records.create(prediction())
    await records.close()
