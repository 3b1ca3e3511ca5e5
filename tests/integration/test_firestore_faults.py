"""What Firestore's stores do when calls are refused, late, or done without an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from grpc import StatusCode
from tests.contract.conftest import new_project
from tests.contract.predictions import moment, prediction
from tests.contract.training_runs import training_run
from tests.emulators import Emulator
from tests.grpc_proxy import Hang, Lost, Proxy, grpc_proxy

from nevus.adapters import firestore_calls
from nevus.adapters.firestore import FirestoreRecords
from nevus.adapters.firestore_runs import FirestoreRuns
from nevus.domain import AuditEntry, RunState, Status
from nevus.ports import AlreadyExists, Gone, PreconditionFailed, Unavailable

pytestmark = pytest.mark.usefixtures("no_pauses")

ENTRY = AuditEntry(at=moment(0), actor="cleo", action="erase", subject="a")
PASSING = [
    StatusCode.UNAVAILABLE,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.ABORTED,
    StatusCode.INTERNAL,
]


@dataclass(frozen=True)
class World:
    """The stores, the way to their database, and a record, a tombstone and a run in it."""

    proxy: Proxy
    records: FirestoreRecords
    runs: FirestoreRuns


CALLS: dict[str, tuple[str, Callable[[World], Awaitable[object]]]] = {
    "create": ("Commit", lambda world: world.records.create(prediction("new"))),
    "get": ("BatchGetDocuments", lambda world: world.records.get("p1")),
    "replace": ("Commit", lambda world: world.records.replace(prediction(attempts=1))),
    "page": ("RunQuery", lambda world: world.records.page(owner="anna")),
    "with_status": ("RunQuery", lambda world: world.records.with_status(Status.PENDING, before=moment(9), limit=9)),
    "erase": ("Commit", lambda world: world.records.erase("p1", at=moment(2))),
    "forget": ("Commit", lambda world: world.records.forget_tombstones(before=moment(9))),
    "counts": ("RunAggregationQuery", lambda world: world.records.counts()),
    "audit": ("Commit", lambda world: world.records.audit(ENTRY)),
    "audit_links": ("RunQuery", lambda world: world.records.audit_links()),
    "audit_head": ("BatchGetDocuments", lambda world: world.records.audit_head()),
    "confirmed": ("RunQuery", lambda world: world.records.confirmed()),
    "run.get": ("BatchGetDocuments", lambda world: world.runs.get("r1")),
    "run.replace": ("Commit", lambda world: world.runs.replace(training_run(step=1))),
    "run.page": ("RunQuery", lambda world: world.runs.page()),
    "run.active": ("RunQuery", lambda world: world.runs.active()),
}


@pytest.fixture
async def world(firestore: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    async with grpc_proxy(firestore.address) as proxy:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.address)
        project = new_project()
        world = World(proxy, FirestoreRecords(project), FirestoreRuns(project))
        await asyncio.gather(*(world.records.create(prediction(name)) for name in ("p1", "gone")))
        await world.records.erase("gone", at=moment(1))
        await world.runs.begin(training_run())
        proxy.calls.clear()
        yield world
        await world.records.close()
        await world.runs.close()


@pytest.mark.parametrize("name", CALLS)
async def test_a_fault_that_passes_is_not_seen(world: World, name: str) -> None:
    method, call = CALLS[name]
    world.proxy.spoil(method, *PASSING[:3])
    await call(world)
    assert not world.proxy.faults[method]


@pytest.mark.parametrize("code", PASSING)
async def test_a_fault_that_lasts_is_unavailable_after_four_attempts(world: World, code: StatusCode) -> None:
    world.proxy.spoil("Commit", *[code] * 4)
    with pytest.raises(Unavailable):
        await world.records.create(prediction("new"))
    assert world.proxy.methods() == ["Commit"] * 4
    await world.records.create(prediction("new"))


async def test_a_refusal_for_good_is_not_repeated(world: World) -> None:
    world.proxy.spoil("BatchGetDocuments", StatusCode.PERMISSION_DENIED)
    with pytest.raises(Unavailable, match="PermissionDenied"):
        await world.records.get("p1")
    assert world.proxy.methods() == ["BatchGetDocuments"]


async def test_what_hangs_is_given_up_and_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firestore_calls, "ATTEMPT_SECONDS", 0.5)
    world.proxy.spoil("Commit", Hang.NOW)
    await world.records.create(prediction("new"))
    world.proxy.spoil("BatchGetDocuments", *[Hang.NOW] * 4)
    start = time.monotonic()
    with pytest.raises(Unavailable):
        await world.records.get("new")
    assert time.monotonic() - start < 4


async def test_a_create_whose_answer_was_lost_has_succeeded(world: World) -> None:
    world.proxy.spoil("Commit", Lost())
    await world.records.create(prediction("new"))
    assert await world.records.get("new") == prediction("new")
    assert (await world.records.counts())["status:complete"] == 2


async def test_a_create_whose_question_was_lost_is_told_of_the_other(world: World) -> None:
    world.proxy.spoil("Commit", StatusCode.UNAVAILABLE)
    with pytest.raises(AlreadyExists):
        await world.records.create(prediction("p1", owner="ben"))
    world.proxy.spoil("Commit", StatusCode.UNAVAILABLE)
    with pytest.raises(Gone):
        await world.records.create(prediction("gone"))


async def test_a_replacement_whose_answer_was_lost_has_succeeded(world: World) -> None:
    world.proxy.spoil("Commit", Lost())
    changed = await world.records.replace(prediction(attempts=1))
    assert changed.revision == 1
    assert await world.records.get("p1") == changed
    world.proxy.spoil("Commit", StatusCode.UNAVAILABLE)
    with pytest.raises(PreconditionFailed):
        await world.records.replace(prediction(attempts=2))


async def test_a_replacement_that_went_through_late_has_succeeded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = prediction(attempts=1)
    given_up = [late]

    async def read(*asked: Any) -> firestore_calls.Snapshot:
        found = await firestore_calls.read(*asked)
        if given_up and "Commit" in world.proxy.methods():
            await world.records.replace(given_up.pop())  # it is done only now
        return found

    monkeypatch.setattr("nevus.adapters.firestore.read", read)
    world.proxy.spoil("Commit", StatusCode.UNAVAILABLE)
    assert await world.records.replace(late) == await world.records.get("p1")


async def test_an_erasure_whose_answer_was_lost_has_succeeded(world: World) -> None:
    world.proxy.spoil("Commit", Lost())
    await world.records.erase("p1", at=moment(2))
    with pytest.raises(Gone):
        await world.records.erase("p1", at=moment(2))


async def test_an_entry_whose_answer_was_lost_is_there_once(world: World) -> None:
    world.proxy.spoil("Commit", Lost(), Lost())
    await world.records.audit(ENTRY)
    assert [each.subject for each in await world.records.audit_log()] == ["a"]


async def test_runs_begin_and_end_though_the_answer_was_lost(world: World) -> None:
    world.proxy.spoil("Commit", Lost())
    ended = await world.runs.replace(training_run(state=RunState.SUCCEEDED))
    assert ended.revision == 1
    world.proxy.spoil("Commit", Lost())
    await world.runs.begin(training_run("r2"))
    assert await world.runs.active() == training_run("r2")
    world.proxy.spoil("Commit", StatusCode.UNAVAILABLE)
    with pytest.raises(AlreadyExists):
        await world.runs.begin(training_run("r3"))


async def test_an_erasure_wins_over_changes_made_meanwhile(world: World) -> None:
    async def change() -> None:
        for n in range(2):
            try:
                await world.records.replace(prediction(attempts=n, revision=n))
            except (Gone, PreconditionFailed):
                return

    await asyncio.gather(change(), world.records.erase("p1", at=moment(2)))
    with pytest.raises(Gone):
        await world.records.get("p1")
