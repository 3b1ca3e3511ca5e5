"""The worklist in every store: by urgency, in parts, and by the beginning of an id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.predictions import moment, prediction, result

from nevus.adapters.sql import open_database
from nevus.adapters.sqlite import MIGRATIONS, SqliteRecords
from nevus.domain import Context, Decision, Diagnosis, Modality, Prediction, Status
from nevus.ports import RecordStore
from nevus.review import SECOND_UNUSABLE
from nevus.worklist import Reviewed, Urgency, Wanted, urgency


def diagnosis(*, malignant: bool) -> Diagnosis:
    return Diagnosis(label="x", malignant=malignant, confirmed_by="cleo", confirmed_at=moment(9))


def unassessed(status: Status) -> dict[str, Any]:
    return {"status": status, "result": None}


TWICE = result(Decision.REJECTED).model_copy(update={"reasons": ("dark", SECOND_UNUSABLE)})
SEEN = Context(modality=Modality.DERMOSCOPIC)
KINDS: dict[str, dict[str, Any]] = {
    "routine": {"result": result(Decision.ROUTINE)},
    "missed": {"result": result(Decision.ROUTINE), "diagnosis": diagnosis(malignant=True)},
    "overcalled": {"diagnosis": diagnosis(malignant=False), "context": SEEN},
    "agreed": {"diagnosis": diagnosis(malignant=True)},
    "pending": unassessed(Status.PENDING),
    "failed": unassessed(Status.FAILED),
    "rejected": {"result": result(Decision.REJECTED)},
    "twice": {"result": TWICE},
    "unclear": {"result": result(Decision.INDETERMINATE)},
    "refer": {"result": result(), "context": SEEN},
}
FIRST_TO_LAST = ["refer", "unclear", "twice", "failed", "pending", "rejected", "routine", "overcalled", "missed"]


async def fill(records: RecordStore) -> None:
    for n, (name, facts) in enumerate(KINDS.items()):
        await records.create(prediction(name, minutes=n, **facts))


async def names(records: RecordStore, wanted: Wanted, limit: int = 50) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await records.worklist(wanted, cursor=cursor, limit=limit)
        found += [each.id for each in page.items]
        if page.cursor is None:
            return found
        cursor = page.cursor


async def test_what_is_urgent_comes_first_on_pages_of_any_size(records: RecordStore) -> None:
    await fill(records)
    assert await names(records, Wanted()) == await names(records, Wanted(), 3) == [*FIRST_TO_LAST, "agreed"]
    later = await records.worklist(Wanted(), after=await records.get("failed"), limit=2)
    assert [each.id for each in later.items] == ["pending", "rejected"]
    await records.replace((await records.get("refer")).model_copy(update={"diagnosis": diagnosis(malignant=True)}))
    assert (await names(records, Wanted()))[-2:] == ["refer", "agreed"]
    with pytest.raises(ValueError, match="not a cursor"):
        await records.worklist(Wanted(), cursor=(await records.page(owner=None, limit=1)).cursor)


async def test_parts_of_it(records: RecordStore) -> None:
    await fill(records)
    parts = [
        (Wanted(answer=Decision.REFER), ["refer", "overcalled", "agreed"]),
        (Wanted(answer=Status.FAILED), ["failed"]),
        (Wanted(answer=Decision.REFER, reviewed=Reviewed.OPEN), ["refer"]),
        (Wanted(modality=Modality.DERMOSCOPIC), ["refer", "overcalled"]),
        (Wanted(modality=Modality.DERMOSCOPIC, answer=Status.COMPLETE, reviewed=Reviewed.DONE), ["overcalled"]),
        (Wanted(reviewed=Reviewed.OPEN), FIRST_TO_LAST[:7]),
        (Wanted(reviewed=Reviewed.DONE), ["overcalled", "missed", "agreed"]),
        (Wanted(reviewed=Reviewed.DISAGREED), ["overcalled", "missed"]),
    ]
    for wanted, expected in parts:
        assert await names(records, wanted) == expected, wanted


async def test_finds_by_the_beginning_of_an_id(records: RecordStore) -> None:
    for name in ("ab2", "ab3", "ac", "b", "abz", "abz2"):
        await records.create(prediction(name))
    await records.erase("abz", at=moment(1))

    async def found(start: str, limit: int = 9) -> list[Prediction]:
        return list(await records.starting_with(start, limit=limit))

    assert [each.id for each in await found("ab")] == ["ab2", "ab3", "abz2"]
    assert [each.id for each in await found("ab", 2)] == ["ab2", "ab3"]
    assert await found("ab2") == [await records.get("ab2")]
    assert await found("x") == []


def test_a_diagnosis_on_what_was_never_assessed_agrees() -> None:
    for status in (Status.PENDING, Status.FAILED):
        assert urgency(prediction(status=status, result=None, diagnosis=diagnosis(malignant=True))) is Urgency.AGREED


async def test_records_of_an_older_database_take_their_places(tmp_path: Path) -> None:
    before = open_database(tmp_path / "r.db", MIGRATIONS[:5])
    columns = "id, owner, status, decision, diagnosed, created_at, revision, document, cam, embedding"
    for name, facts in KINDS.items():
        record = prediction(name, **facts)
        decision = record.result and record.result.decision
        told = (name, "anna", record.status, decision, record.diagnosis is not None, 0, 0)
        values = (*told, record.model_dump_json(exclude={"cam", "embedding"}), b"", b"")
        before.execute(f"INSERT INTO records ({columns}) VALUES ({', '.join('?' * 10)})", values)  # noqa: S608
    before.close()
    records = SqliteRecords(tmp_path / "r.db")
    stored = open_database(tmp_path / "r.db", MIGRATIONS).execute("SELECT id, urgency FROM records").fetchall()
    assert {row["id"]: row["urgency"] for row in stored} == {n: urgency(prediction(n, **f)) for n, f in KINDS.items()}
    assert await names(records, Wanted(modality=Modality.DERMOSCOPIC)) == ["refer", "overcalled"]
    await records.close()
