"""The audit log on every store: one chain however many write, and with what is written an entry or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.contract.conftest import RECORD_STORES, new_project
from tests.contract.predictions import moment, prediction

from nevus.adapters.firestore import FirestoreRecords
from nevus.adapters.sqlite import SqliteRecords
from nevus.audit import by, by_service, chained, intended
from nevus.audit_links import GENESIS, Head
from nevus.audit_verification import verify
from nevus.domain import AuditEntry, Caller, Role
from nevus.ports import Gone, NotFound, PreconditionFailed, RecordStore

ADA = Caller(id="ada", role=Role.ADMIN)
ENTRY = AuditEntry(
    at=datetime(2026, 11, 24, 9, tzinfo=UTC),
    actor="ada",
    role="admin",
    action="promote",
    subject="champion",
    detail="é\n",
)
TEXT = (
    '{"action":"promote","actor":"ada","at":"2026-11-24T09:00:00.000000Z","detail":"é\\n",'
    f'"previous":"{GENESIS}","role":"admin","sequence":1,"subject":"champion"}}'
)

Several = Callable[[int], list[RecordStore]]


@pytest.fixture(params=RECORD_STORES)
async def several(
    request: pytest.FixtureRequest, tmp_path: Path, emulated: Callable[[str], None]
) -> AsyncIterator[Several]:
    """Stores of one database, as several processes have them."""
    emulated(request.param)
    opened: list[RecordStore] = []
    project = new_project()

    def opening(count: int) -> list[RecordStore]:
        for _ in range(count):
            store = SqliteRecords(tmp_path / "r.db") if request.param == "sqlite" else FirestoreRecords(project)
            opened.append(store)
        return opened

    yield opening
    for store in opened:
        await store.close()


def test_an_entry_is_hashed_as_the_documents_say() -> None:
    link = chained(ENTRY, Head())
    assert link.text.decode() == TEXT
    assert link.hash == "632831a3a200fd400a4ca3b62356cea42b6a342f74876ab56a01e21ef0f44829"
    assert chained(ENTRY, link.head).text.decode() == TEXT.replace(GENESIS, link.hash).replace(":1,", ":2,")


async def test_an_empty_log_is_whole(records: RecordStore) -> None:
    assert await records.audit_head() == Head(0, GENESIS)
    assert (await verify(records, {})).whole


async def test_each_entry_follows_the_one_before(records: RecordStore) -> None:
    await records.audit(ENTRY)
    await records.audit(by(ADA, "cancel", "run"))
    second, first = await records.audit_log()
    assert (first.sequence, first.previous, first.hash) == (1, GENESIS, chained(ENTRY, Head()).hash)
    assert (second.sequence, second.previous, second.role) == (2, first.hash, "admin")
    assert await records.audit_head() == Head(2, second.hash)
    assert [link.text.decode() for link in await records.audit_links(limit=1)] == [TEXT]


async def test_many_writers_make_no_fork_and_no_gap(several: Several) -> None:
    stores = several(4)
    await asyncio.gather(*(store.audit(by(ADA, "train", f"{n}")) for store in stores for n in range(6)))
    entries = await stores[0].audit_log()
    assert [entry.sequence for entry in reversed(entries)] == list(range(1, 25))
    assert sorted(entry.subject for entry in entries) == sorted(f"{n}" for n in range(6) for _ in stores)
    assert (await verify(stores[1], {})).whole


async def test_what_is_refused_has_no_entry_and_what_is_done_has_one(records: RecordStore) -> None:
    await records.create(prediction())
    changed = await records.replace(prediction(attempts=1), entry=by(ADA, "diagnose", "p1"))
    for refused in (prediction(attempts=2), prediction("none")):
        with pytest.raises((PreconditionFailed, NotFound)):
            await records.replace(refused, entry=by(ADA, "diagnose", refused.id))
    await records.erase("p1", at=moment(1), entry=by(ADA, "erase", "p1"))
    with pytest.raises(Gone):
        await records.erase("p1", at=moment(2), entry=by(ADA, "erase", "p1"))
    with pytest.raises(Gone):
        await records.replace(changed, entry=by(ADA, "diagnose", "p1"))
    assert [entry.action for entry in await records.audit_log()] == ["erase", "diagnose"]


async def test_of_many_changes_at_once_each_that_wins_has_its_entry(several: Several) -> None:
    stores = several(3)
    await stores[0].create(prediction())
    for n in range(5):
        await stores[0].create(prediction(f"q{n}"))
    same = [store.replace(prediction(attempts=n), entry=by(ADA, "diagnose", "p1")) for n, store in enumerate(stores)]
    others = [stores[n % 3].erase(f"q{n}", at=moment(1), entry=by(ADA, "erase", f"q{n}")) for n in range(5)]
    outcomes = await asyncio.gather(*same, *others, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(PreconditionFailed) == 2
    told = sorted((entry.action, entry.subject) for entry in await stores[0].audit_log())
    assert told == [("diagnose", "p1"), *(("erase", f"q{n}") for n in range(5))]
    assert (await verify(stores[0], {})).whole


async def test_an_intention_comes_before_its_effect_and_a_failure_after(records: RecordStore) -> None:
    async with intended(records, by(ADA, "promote", "champion")):
        assert [entry.action for entry in await records.audit_log()] == ["promote"]
    with pytest.raises(RuntimeError):
        async with intended(records, by_service("rollback", "canary")):
            raise RuntimeError
    assert [entry.action for entry in await records.audit_log()] == ["rollback.failed", "rollback", "promote"]
    with pytest.raises(asyncio.CancelledError):
        async with intended(records, by_service("train", "run")):
            raise asyncio.CancelledError  # as a process that dies
    assert (await records.audit_log())[0].action == "train"


async def test_pages_go_back_to_the_first(records: RecordStore) -> None:
    for n in range(5):
        await records.audit(by(ADA, "train", str(n)))
    pages = [await records.audit_log(limit=2, before=before) for before in (None, 4, 2, 1)]
    assert [[entry.sequence for entry in page] for page in pages] == [[5, 4], [3, 2], [1], []]
