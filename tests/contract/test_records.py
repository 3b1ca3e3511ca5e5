from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.predictions import moment, prediction, result

from nevus.domain import AuditEntry, ChainedEntry, Consent, Context, Decision, Diagnosis, Prediction, Status
from nevus.ports import AlreadyExists, Gone, NotFound, PreconditionFailed, RecordStore


async def all_pages(records: RecordStore, *, owner: str | None, limit: int) -> list[Prediction]:
    items: list[Prediction] = []
    cursor = None
    while True:
        page = await records.page(owner=owner, cursor=cursor, limit=limit)
        items += page.items
        if page.cursor is None:
            return items
        cursor = page.cursor


async def test_reads_back_what_was_created(records: RecordStore) -> None:
    record = prediction(context=Context(age=50, site="back", case_id="c1"))
    await records.create(record)
    assert await records.get("p1") == record


async def test_creates_once(records: RecordStore) -> None:
    await records.create(prediction())
    with pytest.raises(AlreadyExists):
        await records.create(prediction(owner="other"))
    assert (await records.get("p1")).owner == "anna"


async def test_of_many_creators_exactly_one_wins(records: RecordStore) -> None:
    creators = [records.create(prediction(owner=f"o{n}")) for n in range(40)]
    outcomes = await asyncio.gather(*creators, return_exceptions=True)
    winners = [n for n, outcome in enumerate(outcomes) if outcome is None]
    assert len(winners) == 1
    assert (await records.get("p1")).owner == f"o{winners[0]}"
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 39


async def test_a_missing_record_is_not_found(records: RecordStore) -> None:
    with pytest.raises(NotFound):
        await records.get("none")
    with pytest.raises(NotFound):
        await records.replace(prediction())
    with pytest.raises(NotFound):
        await records.erase("none", at=moment(0))


async def test_replaces_by_revision(records: RecordStore) -> None:
    await records.create(prediction(status=Status.PENDING, result=None))
    done = await records.replace(prediction(cam=b"new"))
    assert done.revision == 1
    assert await records.get("p1") == done
    with pytest.raises(PreconditionFailed):
        await records.replace(prediction())
    again = await records.replace(done.model_copy(update={"attempts": 3}))
    assert (again.revision, (await records.get("p1")).attempts) == (2, 3)


async def test_of_many_replacers_exactly_one_wins(records: RecordStore) -> None:
    await records.create(prediction())
    replacers = [records.replace(prediction(attempts=n)) for n in range(20)]
    outcomes = await asyncio.gather(*replacers, return_exceptions=True)
    assert sum(isinstance(outcome, Prediction) for outcome in outcomes) == 1
    assert (await records.get("p1")).revision == 1


async def test_erased_leaves_a_tombstone_until_it_is_forgotten(records: RecordStore) -> None:
    await records.create(prediction())
    await records.erase("p1", at=moment(10))
    with pytest.raises(Gone):
        await records.get("p1")
    for late in (records.create(prediction()), records.erase("p1", at=moment(11))):
        with pytest.raises(Gone):
            await late
    with pytest.raises(Gone):
        await records.replace(prediction())
    assert await records.forget_tombstones(before=moment(10)) == 0
    assert await records.forget_tombstones(before=moment(11)) == 1
    with pytest.raises(NotFound):
        await records.get("p1")
    await records.create(prediction())


async def test_pages_newest_first_by_owner_and_case(records: RecordStore) -> None:
    for n in range(7):
        owner, case = ("anna", "c1") if n % 2 else ("ben", "c2")
        await records.create(prediction(f"p{n}", minutes=n // 2, owner=owner, context=Context(case_id=case)))
    assert [each.id for each in await all_pages(records, owner=None, limit=2)] == [f"p{n}" for n in range(6, -1, -1)]
    assert [each.id for each in await all_pages(records, owner="anna", limit=2)] == ["p5", "p3", "p1"]
    by_case = await records.page(owner=None, case_id="c2")
    assert [each.id for each in by_case.items] == ["p6", "p4", "p2", "p0"]
    assert not (await records.page(owner="ben", case_id="c1")).items


async def test_a_record_moves_to_another_case_and_out_of_every_one(records: RecordStore) -> None:
    await records.create(prediction(context=Context(case_id="c1")))
    for case in ("c2", None):
        stored = await records.get("p1")
        await records.replace(stored.model_copy(update={"context": Context(case_id=case)}))
        assert not (await records.page(owner="anna", case_id="c1")).items
        assert len((await records.page(owner="anna", case_id="c2")).items) == (case == "c2")
    assert len((await records.page(owner="anna")).items) == 1


async def test_a_page_that_is_exactly_full_is_the_last(records: RecordStore) -> None:
    await records.create(prediction())
    assert (await records.page(owner=None, limit=1)).cursor is None


async def test_a_cursor_holds_while_records_come_and_go(records: RecordStore) -> None:
    for n in range(4):
        await records.create(prediction(f"p{n}", minutes=n))
    first = await records.page(owner="anna", limit=2)
    await records.create(prediction("p9", minutes=9))
    await records.erase("p2", at=moment(20))
    rest = await records.page(owner="anna", cursor=first.cursor, limit=10)
    assert [each.id for each in rest.items] == ["p1", "p0"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cursor=st.text() | st.sampled_from(["MQ", "MSA=", "IA", "MTIgIA", "é"]))
async def test_another_text_is_no_cursor(records: RecordStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        await records.page(owner=None, cursor=cursor)


async def test_finds_by_status_oldest_first(records: RecordStore) -> None:
    for n in range(3):
        await records.create(prediction(f"p{n}", minutes=-n, status=Status.PENDING, result=None))
    await records.create(prediction("done"))
    found = await records.with_status(Status.PENDING, before=moment(0), limit=5)
    assert [each.id for each in found] == ["p2", "p1"]
    for before in (moment(1), datetime.max.replace(tzinfo=UTC)):
        assert len(await records.with_status(Status.PENDING, before=before, limit=2)) == 2


async def test_counts_by_status_and_decision(records: RecordStore) -> None:
    await records.create(prediction("a"))
    await records.create(prediction("b", result=result(Decision.ROUTINE)))
    await records.create(prediction("c", status=Status.PENDING, result=None))
    expected = {"status:complete": 2, "status:pending": 1, "decision:refer": 1, "decision:routine": 1}
    assert await records.counts() == expected


def plain(chained: ChainedEntry) -> AuditEntry:
    return AuditEntry.model_validate(chained.model_dump(include=set(AuditEntry.model_fields)))


async def test_keeps_the_audit_log_in_order(records: RecordStore) -> None:
    entries = [AuditEntry(at=moment(n), actor="admin", action="key.create", subject=str(n)) for n in (2, 1, 3)]
    for entry in entries:
        await records.audit(entry)
    assert [plain(each) for each in await records.audit_log(limit=2)] == [entries[2], entries[1]]
    assert [plain(each) for each in await records.audit_log(before=3)] == [entries[1], entries[0]]


async def review_ids(records: RecordStore, limit: int) -> list[str]:
    ids: list[str] = []
    cursor = None
    while True:
        page = await records.review(cursor=cursor, limit=limit)
        ids += [each.id for each in page.items]
        if page.cursor is None:
            return ids
        cursor = page.cursor


async def test_pages_by_priority_for_review_then_newest_first(records: RecordStore) -> None:
    for n, review in enumerate((1000, 1300, None, 0, 1300, 1000)):
        await records.create(prediction(f"p{n}", minutes=n // 2, review=review))
    assert await review_ids(records, 2) == await review_ids(records, 9) == ["p4", "p1", "p5", "p0", "p3"]
    first = await records.review(limit=2)
    await records.replace((await records.get("p5")).model_copy(update={"review": 500}))
    await records.erase("p1", at=moment(9))
    rest = await records.review(cursor=first.cursor)
    assert [each.id for each in rest.items] == ["p0", "p5", "p3"]
    for other in ("p0", (await records.page(owner=None, limit=1)).cursor):
        with pytest.raises(ValueError, match="not a cursor"):
            await records.review(cursor=other)
    with pytest.raises(ValueError, match="not a cursor"):
        await records.page(owner=None, cursor=first.cursor)


async def test_goes_through_all_oldest_first_from_a_place_on(records: RecordStore) -> None:
    for n in range(5):
        await records.create(prediction(f"p{n}", minutes=n // 2))
    found = await records.since(None, before=moment(2), limit=3)
    assert [each.id for each in found] == ["p0", "p1", "p2"]
    await records.erase("p2", at=moment(9))
    place = (found[-1].created_at, found[-1].id)
    assert [each.id for each in await records.since(place, before=moment(2), limit=3)] == ["p3"]
    assert [each.id for each in await records.since(place, before=moment(3), limit=3)] == ["p3", "p4"]


async def test_hands_out_what_has_a_diagnosis_newest_first(records: RecordStore) -> None:
    diagnosis = Diagnosis(label="nevus", malignant=False, confirmed_by="cleo", confirmed_at=moment(50))
    for n in range(3):
        await records.create(prediction(f"p{n}", minutes=n))
    for n in (0, 2):
        await records.replace(prediction(f"p{n}", minutes=n, diagnosis=diagnosis))
    first = await records.diagnosed(limit=1)
    rest = await records.diagnosed(cursor=first.cursor)
    assert [each.id for each in (*first.items, *rest.items)] == ["p2", "p0"]
    await records.replace((await records.get("p2")).model_copy(update={"diagnosis": None}))
    assert [each.id for each in (await records.diagnosed()).items] == ["p0"]


async def confirmed_ids(records: RecordStore) -> list[str]:
    first = await records.confirmed(limit=2)
    rest = await records.confirmed(cursor=first.cursor) if first.cursor else None
    return [each.id for each in (*first.items, *(rest.items if rest else ()))]


async def test_hands_out_what_training_may_learn_from_oldest_first(records: RecordStore) -> None:
    diagnosis = Diagnosis(label="melanoma", malignant=True, confirmed_by="cleo", confirmed_at=moment(50))
    consent = Consent(training=True)
    for n in (2, 1, 0, 3):
        await records.create(prediction(f"p{n}", minutes=n // 2, consent=consent))
    await records.create(prediction("not asked", diagnosis=diagnosis))
    assert not (await records.confirmed()).items
    for n in (3, 0, 1, 2):
        await records.replace(prediction(f"p{n}", minutes=n // 2, consent=consent, diagnosis=diagnosis))
    assert await confirmed_ids(records) == ["p0", "p1", "p2", "p3"]
    assert (await records.confirmed(limit=4)).cursor is None
    await records.erase("p1", at=moment(60))
    await records.replace((await records.get("p2")).model_copy(update={"consent": Consent()}))
    assert await confirmed_ids(records) == ["p0", "p3"]
    with pytest.raises(ValueError, match="not a cursor"):
        await records.confirmed(cursor="p0")
