"""The audit log over HTTP: pages, verification, the anchor outside of it, and what is seen of tampering."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from tests.fakes import World, world

from gateway import audit_log
from gateway.reconcile import Reconciler
from nevus.adapters.file_photos import FilePhotos
from nevus.adapters.sqlite import SqliteRecords
from nevus.audit import by_service
from nevus.audit_links import Head
from nevus.domain import Role
from nevus.ports import StoredObject

VERIFICATION = "/v1/audit/verification"


@pytest.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as opened:
        for n in range(5):
            await opened.records.audit(by_service("train", f"run {n}"))
        yield opened


@pytest.fixture
async def admin(nevus: World) -> AsyncIterator[httpx.AsyncClient]:
    async with nevus.client(Role.ADMIN, "ada") as client:
        yield client


def spoil(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "records.db", isolation_level=None)) as database:
        database.executescript(statement)


async def anchored(nevus: World) -> Head:
    await Reconciler(nevus.services).anchor()
    return (await audit_log.stored_anchor(nevus.photos))[0]


def broken(nevus: World) -> bool:
    return "nevus_audit_broken 1.0" in nevus.services.metrics.text().decode()


async def test_pages_lead_from_the_newest_to_the_first(admin: httpx.AsyncClient) -> None:
    cursor, seen = "", []
    while cursor is not None:
        page = (await admin.get("/v1/audit", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [entry["sequence"] for entry in page["items"]]
        cursor = page["next"]
    assert seen == [5, 4, 3, 2, 1]
    assert (await admin.get("/v1/audit", params={"cursor": "x"})).status_code == 422
    assert (await admin.get("/v1/audit", params={"limit": 5})).json()["next"] is None


async def test_pages_go_on_where_an_entry_is_missing(admin: httpx.AsyncClient, tmp_path: Path) -> None:
    spoil(tmp_path, "DELETE FROM audit WHERE sequence = 4")
    page = (await admin.get("/v1/audit", params={"limit": 2})).json()
    assert ([entry["sequence"] for entry in page["items"]], page["next"]) == ([5], "5")


@pytest.mark.parametrize("body", [b'{"head": "1:0"}', b"{}", b"x"])
async def test_a_body_is_not_ignored(admin: httpx.AsyncClient, body: bytes) -> None:
    answer = await admin.post(VERIFICATION, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    assert "?head=" in answer.json()["detail"]


async def test_a_verification_is_itself_an_entry(admin: httpx.AsyncClient) -> None:
    found = (await admin.post(VERIFICATION)).json()
    assert (found["whole"], found["entries"], found["fault"]) == (True, 5, None)
    again = (await admin.post(VERIFICATION, params={"head": found["head"]})).json()
    assert (again["whole"], again["entries"]) == (True, 6)
    newest = (await admin.get("/v1/audit")).json()["items"][0]
    assert (newest["actor"], newest["role"], newest["action"]) == ("ada", "admin", "verify")
    assert newest["detail"] == f"whole: 6 entries, head {again['head']}"
    assert (await admin.post(VERIFICATION, params={"head": "5"})).status_code == 422


async def test_a_changed_entry_is_named_and_shown_as_it_is(
    nevus: World, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    spoil(tmp_path, "UPDATE audit SET entry = replace(entry, 'run 2', 'run 7') WHERE sequence = 3")
    spoil(tmp_path, "UPDATE audit SET entry = CAST(x'ff' AS TEXT) WHERE sequence = 5")
    found = (await admin.post(VERIFICATION)).json()
    assert (found["whole"], found["entries"], found["fault"]["sequence"]) == (False, 2, 3)
    shown = {each["sequence"]: each for each in (await admin.get("/v1/audit")).json()["items"]}
    assert shown[6]["detail"] == "broken at entry 3: its text or its hash was changed"
    assert (shown[3]["subject"], shown[5]["action"]) == ("run 7", "unreadable")
    assert (await admin.get("/readyz")).status_code == 200


async def test_a_damaged_head_stops_what_writes_an_entry_and_nothing_else(
    admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    spoil(tmp_path, "UPDATE audit_head SET hash = x'00'")
    answer = await admin.post(VERIFICATION)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert (await admin.get("/readyz")).status_code == 200


async def test_the_reconciler_keeps_the_head_beside_the_photos(nevus: World) -> None:
    assert await anchored(nevus) == await nevus.records.audit_head()
    await nevus.records.audit(by_service("train", "another"))
    assert (await anchored(nevus)).sequence == 6
    assert not broken(nevus)
    await Reconciler(nevus.services).sweep()
    assert await nevus.photos.list("") == [audit_log.ANCHOR]


CUT_OFF = """
DELETE FROM audit WHERE sequence > 3;
UPDATE audit_head SET sequence = 3, hash = (SELECT hash FROM audit WHERE sequence = 3)
"""


async def test_an_end_that_was_cut_off_is_found_and_the_anchor_stays(
    nevus: World, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    before = await anchored(nevus)
    spoil(tmp_path, CUT_OFF)
    for _ in range(4):
        assert await anchored(nevus) == before
        assert broken(nevus)
        fault = (await admin.post(VERIFICATION)).json()["fault"]  # which makes the log longer than the anchor says
        assert fault["what"].startswith(("the log ends before it; the anchor", "the anchor names another"))


@pytest.mark.parametrize("damage", [b"", b"\xff", b"5:abc\n", b"-1:" + b"0" * 64])
async def test_a_damaged_anchor_is_said_to_be_one(nevus: World, admin: httpx.AsyncClient, damage: bytes) -> None:
    await nevus.photos.put(audit_log.ANCHOR, damage)
    await Reconciler(nevus.services).anchor()
    assert broken(nevus)
    assert (await nevus.photos.get(audit_log.ANCHOR)).data == damage
    assert "the anchor is damaged" in (await admin.post(VERIFICATION)).json()["fault"]["what"]


class Busy(FilePhotos):
    """Something is written to the log whenever the anchor is read."""

    records: SqliteRecords

    async def get(self, key: str) -> StoredObject:
        found = await super().get(key)
        await self.records.audit(by_service("train", "meanwhile"))
        return found


async def test_what_is_written_while_the_anchor_is_renewed_is_no_damage(nevus: World, tmp_path: Path) -> None:
    assert await audit_log.anchor(nevus.records, nevus.photos)
    busy = Busy(tmp_path / "photos")
    busy.records = nevus.records
    for sequence in (6, 7):
        assert await audit_log.anchor(nevus.records, busy)
        assert (await audit_log.stored_anchor(nevus.photos))[0].sequence == sequence
    assert (await audit_log.verified(nevus.records, busy, None, by_service)).whole
