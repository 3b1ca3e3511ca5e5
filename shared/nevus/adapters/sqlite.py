"""Prediction records and the audit log in one SQLite file, durable when a write returns."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from nevus.adapters import sqlite_audit
from nevus.adapters.cursors import (
    make_cursor,
    make_review_cursor,
    make_worklist_cursor,
    read_cursor,
    read_numbered_cursor,
    to_micros,
)
from nevus.adapters.sql import GroupWriter, Readers, open_database, reported
from nevus.audit import newest, told
from nevus.audit_links import Head, Link
from nevus.domain import AuditEntry, ChainedEntry, Prediction, Status
from nevus.ports import AlreadyExists, Gone, NotFound, Page, PreconditionFailed
from nevus.worklist import Wanted, urgency

T = TypeVar("T")
MIGRATIONS = (
    """
    CREATE TABLE records (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, case_id TEXT, status TEXT NOT NULL, decision TEXT,
        created_at INTEGER NOT NULL, revision INTEGER NOT NULL, document TEXT NOT NULL,
        cam BLOB NOT NULL, embedding BLOB NOT NULL);
    CREATE INDEX by_time ON records (created_at, id);
    CREATE INDEX by_owner ON records (owner, created_at, id);
    CREATE INDEX by_case ON records (case_id, created_at, id) WHERE case_id IS NOT NULL;
    CREATE INDEX by_status ON records (status, created_at);
    CREATE INDEX by_decision ON records (decision) WHERE decision IS NOT NULL;
    CREATE TABLE tombstones (id TEXT PRIMARY KEY, erased_at INTEGER NOT NULL);
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
        subject TEXT NOT NULL)
    """,
    """
    ALTER TABLE records ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
    UPDATE records SET confirmed = 1 WHERE json_extract(document, '$.consent.training')
        AND json_extract(document, '$.diagnosis') IS NOT NULL;
    CREATE INDEX by_confirmed ON records (created_at, id) WHERE confirmed
    """,
    """
    ALTER TABLE records ADD COLUMN review INTEGER;
    ALTER TABLE records ADD COLUMN diagnosed INTEGER NOT NULL DEFAULT 0;
    UPDATE records SET diagnosed = 1 WHERE json_extract(document, '$.diagnosis') IS NOT NULL;
    CREATE INDEX by_review ON records (review, created_at, id) WHERE review IS NOT NULL;
    CREATE INDEX by_diagnosed ON records (created_at, id) WHERE diagnosed
    """,
    sqlite_audit.MIGRATION,
    "CREATE INDEX by_own_case ON records (owner, case_id, created_at, id) WHERE case_id IS NOT NULL",
    """
    ALTER TABLE records ADD COLUMN modality TEXT;
    ALTER TABLE records ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;
    UPDATE records SET modality = json_extract(document, '$.context.modality'), urgency = CASE
        WHEN diagnosed THEN coalesce(decision = 'routine' AND json_extract(document, '$.diagnosis.malignant')
            OR decision IN ('refer', 'indeterminate') AND NOT json_extract(document, '$.diagnosis.malignant'), 0)
        WHEN status = 'pending' THEN 4
        WHEN decision IN ('refer', 'indeterminate') THEN 6
        WHEN decision = 'routine' THEN 2
        WHEN decision = 'rejected' AND NOT instr(document, '"second_unusable"') THEN 3
        ELSE 5 END;
    CREATE INDEX by_urgency ON records (urgency, created_at, id)
    """,
)
COLUMNS = (
    "id, owner, case_id, status, decision, confirmed, diagnosed, review, modality, urgency, created_at, revision, "
    "document, cam, embedding"
)
RAW = {"cam", "embedding"}


class SqliteRecords:
    """A `RecordStore` in the file `path`; one writer thread with group commit, two reading connections."""

    def __init__(self, path: Path) -> None:
        database = open_database(path, MIGRATIONS)
        with reported():
            sqlite_audit.chain_older(database)
        self._writer = GroupWriter(database)
        self._readers = Readers(path)

    async def create(self, record: Prediction) -> None:
        """Create if absent; raises AlreadyExists, Gone, Unavailable."""
        row = to_row(record)

        def work(database: sqlite3.Connection) -> None:
            refuse_erased(database, record.id)
            marks = ", ".join("?" * len(row))
            statement = f"INSERT OR IGNORE INTO records ({COLUMNS}) VALUES ({marks})"  # noqa: S608  # constants
            if database.execute(statement, row).rowcount == 0:
                raise AlreadyExists(record.id)

        await self._writer.run(work)

    async def get(self, record_id: str) -> Prediction:
        """Raises NotFound, Gone, Unavailable."""
        return await self._readers.run(lambda database: find(database, record_id))

    async def replace(self, record: Prediction, *, entry: AuditEntry | None = None) -> Prediction:
        """Write when the stored revision is `record.revision`; raises PreconditionFailed, NotFound, Gone."""
        changed = record.model_copy(update={"revision": record.revision + 1})
        row = to_row(changed)

        def work(database: sqlite3.Connection) -> Prediction:
            stored = find(database, record.id)
            if stored.revision != record.revision:
                raise PreconditionFailed(f"revision is {stored.revision}, not {record.revision}")
            settings = ", ".join(f"{column} = ?" for column in COLUMNS.split(", "))
            database.execute(f"UPDATE records SET {settings} WHERE id = ?", (*row, record.id))  # noqa: S608
            return changed

        return await self._audited(work, entry)

    async def page(
        self, *, owner: str | None, case_id: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """Newest first; raises ValueError on a cursor that no page gave."""
        wanted = {"owner = ?": owner, "case_id = ?": case_id}
        conditions = [condition for condition, value in wanted.items() if value is not None]
        values: list[object] = [value for value in wanted.values() if value is not None]
        if cursor is not None:
            conditions.append("(created_at, id) < (?, ?)")
            values.extend(read_cursor(cursor))
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT * FROM records {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
        rows = await self._readers.run(lambda database: database.execute(query, (*values, limit + 1)).fetchall())
        return to_page(rows, limit)

    async def review(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """By priority for review, then newest first; raises ValueError on a cursor that no such page gave."""
        place = () if cursor is None else read_numbered_cursor(cursor)
        after = "AND (review, created_at, id) < (?, ?, ?)" if place else ""
        order = "ORDER BY review DESC, created_at DESC, id DESC LIMIT ?"
        query = f"SELECT * FROM records WHERE review IS NOT NULL {after} {order}"  # noqa: S608
        rows = await self._readers.run(lambda database: database.execute(query, (*place, limit + 1)).fetchall())
        return to_page(rows, limit, make_review_cursor)

    async def worklist(
        self, wanted: Wanted, *, cursor: str | None = None, after: Prediction | None = None, limit: int = 50
    ) -> Page:
        """By urgency, then newest first; raises ValueError on a cursor that no such page gave."""
        cursor = make_worklist_cursor(after) if after else cursor
        place = () if cursor is None else read_numbered_cursor(cursor)
        later = "AND (urgency, created_at, id) < (?, ?, ?)" if place else ""
        same = "".join(f" AND {column} = ?" for column in wanted.equal)
        order = "ORDER BY urgency DESC, created_at DESC, id DESC LIMIT ?"
        query = f"SELECT * FROM records WHERE urgency BETWEEN ? AND ? {same} {later} {order}"  # noqa: S608  # constants
        values = (*wanted.urgency, *wanted.equal.values(), *place, limit + 1)
        rows = await self._readers.run(lambda database: database.execute(query, values).fetchall())
        return to_page(rows, limit, make_worklist_cursor)

    async def starting_with(self, start: str, *, limit: int) -> tuple[Prediction, ...]:
        """By id, whose beginning is that."""
        query = "SELECT * FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
        values = (start, f"{start}~", limit)
        rows = await self._readers.run(lambda database: database.execute(query, values).fetchall())
        return tuple(from_row(row) for row in rows)

    async def since(
        self, place: tuple[datetime, str] | None, *, before: datetime, limit: int
    ) -> tuple[Prediction, ...]:
        """Oldest first, created after that moment and id, and before the other moment."""
        after, values = ("AND (created_at, id) > (?, ?)", (to_micros(place[0]), place[1])) if place else ("", ())
        query = f"SELECT * FROM records WHERE created_at < ? {after} ORDER BY created_at, id LIMIT ?"  # noqa: S608
        given = (to_micros(before), *values, limit)
        rows = await self._readers.run(lambda database: database.execute(query, given).fetchall())
        return tuple(from_row(row) for row in rows)

    async def diagnosed(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Newest first, with a clinician's diagnosis; raises ValueError on a cursor that no page gave."""
        before, place = ("", ()) if cursor is None else ("AND (created_at, id) < (?, ?)", read_cursor(cursor))
        query = f"SELECT * FROM records WHERE diagnosed {before} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
        rows = await self._readers.run(lambda database: database.execute(query, (*place, limit + 1)).fetchall())
        return to_page(rows, limit)

    async def with_status(self, status: Status, *, before: datetime, limit: int) -> tuple[Prediction, ...]:
        """Oldest first, created before that moment."""
        query = "SELECT * FROM records WHERE status = ? AND created_at < ? ORDER BY created_at LIMIT ?"
        values = (status.value, to_micros(before), limit)
        rows = await self._readers.run(lambda database: database.execute(query, values).fetchall())
        return tuple(from_row(row) for row in rows)

    async def erase(self, record_id: str, *, at: datetime, entry: AuditEntry | None = None) -> None:
        """Remove the record and leave a tombstone, in one transaction; raises NotFound, Gone."""

        def work(database: sqlite3.Connection) -> None:
            refuse_erased(database, record_id)
            if database.execute("DELETE FROM records WHERE id = ?", (record_id,)).rowcount == 0:
                raise NotFound(record_id)
            database.execute("INSERT INTO tombstones VALUES (?, ?)", (record_id, to_micros(at)))

        await self._audited(work, entry)

    async def forget_tombstones(self, *, before: datetime) -> int:
        """Drop tombstones older than that moment; returns how many."""
        statement, moment = "DELETE FROM tombstones WHERE erased_at < ?", to_micros(before)
        return await self._writer.run(lambda database: database.execute(statement, (moment,)).rowcount)

    async def counts(self) -> dict[str, int]:
        """Records by status and by decision: `status:complete`, `decision:refer`, ..."""
        query = """SELECT 'status:' || status AS key, count(*) AS n FROM records GROUP BY status
            UNION ALL SELECT 'decision:' || decision, count(*) FROM records
            WHERE decision IS NOT NULL GROUP BY decision"""
        rows = await self._readers.run(lambda database: database.execute(query).fetchall())
        return {row["key"]: row["n"] for row in rows}

    async def audit(self, entry: AuditEntry) -> None:
        """Append to the audit log; raises Unavailable."""
        await self._audited(lambda _: None, entry)

    async def _audited(self, work: Callable[[sqlite3.Connection], T], entry: AuditEntry | None) -> T:
        """The work and its entry, in one transaction."""
        if entry is None:
            return await self._writer.run(work)

        def both(database: sqlite3.Connection) -> tuple[T, Head]:
            return work(database), sqlite_audit.append(database, entry)

        done, head = await self._writer.run(both)
        told(head)
        return done

    async def audit_log(self, *, limit: int = 100, before: int | None = None) -> tuple[ChainedEntry, ...]:
        """Newest first."""
        return await newest(self, limit=limit, before=before)

    async def audit_links(self, *, after: int | None = None, limit: int = 500) -> tuple[Link, ...]:
        """Oldest first."""
        return await self._readers.run(lambda database: sqlite_audit.links_of(database, after, limit))

    async def audit_head(self) -> Head:
        """Where the log ends."""
        return await self._readers.run(sqlite_audit.head_of)

    async def confirmed(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Oldest first: diagnosed, with consent to training; raises ValueError on a cursor that no page gave."""
        after, place = ("", ()) if cursor is None else ("AND (created_at, id) > (?, ?)", read_cursor(cursor))
        query = f"SELECT * FROM records WHERE confirmed {after} ORDER BY created_at, id LIMIT ?"  # noqa: S608
        rows = await self._readers.run(lambda database: database.execute(query, (*place, limit + 1)).fetchall())
        return to_page(rows, limit)

    async def close(self) -> None:
        """Finish the writes that wait, then close the file."""
        await asyncio.to_thread(self._readers.close)
        await asyncio.to_thread(self._writer.close)


def to_row(record: Prediction) -> tuple[object, ...]:
    """In the order of COLUMNS."""
    decision = record.result.decision.value if record.result else None
    facts = (record.id, record.owner, record.context.case_id, record.status.value, decision, record.confirmed)
    listed = (record.diagnosis is not None, record.review, record.context.modality, int(urgency(record)))
    document = record.model_dump_json(exclude=RAW)
    stored = (to_micros(record.created_at), record.revision, document, record.cam, record.embedding)
    return (*facts, *listed, *stored)


def from_row(row: sqlite3.Row) -> Prediction:
    """The record as it was written."""
    record = Prediction.model_validate_json(row["document"])
    return record.model_copy(update={name: row[name] for name in RAW})


def to_page(rows: Sequence[sqlite3.Row], limit: int, cursor: Callable[[Prediction], str] = make_cursor) -> Page:
    """Of up to `limit` rows; one row more tells that it is not the last."""
    items = tuple(from_row(row) for row in rows[:limit])
    return Page(items, cursor(items[-1]) if len(rows) > limit else None)


def find(database: sqlite3.Connection, record_id: str) -> Prediction:
    """Raises NotFound, or Gone for an erased id."""
    row = database.execute("SELECT * FROM records WHERE id = ?", (record_id,)).fetchone()
    if row is None:
        refuse_erased(database, record_id)
        raise NotFound(record_id)
    return from_row(row)


def refuse_erased(database: sqlite3.Connection, record_id: str) -> None:
    """Raises Gone when there is a tombstone."""
    if database.execute("SELECT 1 FROM tombstones WHERE id = ?", (record_id,)).fetchone():
        raise Gone(record_id)
