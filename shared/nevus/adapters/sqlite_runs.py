"""Training runs in one SQLite file, which the gateway and the training job's process write alike."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from nevus.adapters.cursors import make_cursor, read_cursor, to_micros
from nevus.adapters.sql import GroupWriter, Readers, open_database
from nevus.domain import TrainingRun
from nevus.ports import AlreadyExists, NotFound, PreconditionFailed, RunPage

MIGRATIONS = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, active INTEGER NOT NULL, created_at INTEGER NOT NULL, revision INTEGER NOT NULL,
        document TEXT NOT NULL);
    CREATE UNIQUE INDEX one_active ON runs (active) WHERE active = 1;
    CREATE INDEX by_time ON runs (created_at, id)
    """,
)


class SqliteRuns:
    """A `RunStore` in the file `path`; the database itself holds that only one run is active."""

    def __init__(self, path: Path) -> None:
        self._writer = GroupWriter(open_database(path, MIGRATIONS))
        self._readers = Readers(path, count=1)

    async def begin(self, run: TrainingRun) -> None:
        """Create it, unless another is active or has its id; raises AlreadyExists, Unavailable."""
        statement = "INSERT OR IGNORE INTO runs (id, active, created_at, revision, document) VALUES (?, ?, ?, ?, ?)"
        row = (run.id, run.state.active, to_micros(run.created_at), run.revision, run.model_dump_json())

        def work(database: sqlite3.Connection) -> None:
            if database.execute(statement, row).rowcount == 0:
                raise AlreadyExists(run.id)

        await self._writer.run(work)

    async def get(self, run_id: str) -> TrainingRun:
        """Raises NotFound, Unavailable."""
        return await self._readers.run(lambda database: find(database, run_id))

    async def replace(self, run: TrainingRun) -> TrainingRun:
        """Write when the stored revision is `run.revision`; raises PreconditionFailed, NotFound, Unavailable.

        What has ended cannot become active again.
        """
        changed = run.model_copy(update={"revision": run.revision + 1})
        values = (run.state.active, changed.revision, changed.model_dump_json(), run.id)

        def work(database: sqlite3.Connection) -> TrainingRun:
            stored = find(database, run.id)
            if stored.revision != run.revision or run.state.active > stored.state.active:
                raise PreconditionFailed(f"revision is {stored.revision} ({stored.state}), not {run.revision}")
            database.execute("UPDATE runs SET active = ?, revision = ?, document = ? WHERE id = ?", values)
            return changed

        return await self._writer.run(work)

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> RunPage:
        """Newest first; raises ValueError on a cursor that no page gave."""
        where, place = ("", ()) if cursor is None else ("WHERE (created_at, id) < (?, ?)", read_cursor(cursor))
        query = f"SELECT document FROM runs {where} ORDER BY created_at DESC, id DESC LIMIT ?"  # noqa: S608
        rows = await self._readers.run(lambda database: database.execute(query, (*place, limit + 1)).fetchall())
        items = tuple(from_row(row) for row in rows[:limit])
        return RunPage(items, make_cursor(items[-1]) if len(rows) > limit else None)

    async def active(self) -> TrainingRun | None:
        """The one that is not in a terminal state, if there is one."""
        query = "SELECT document FROM runs WHERE active = 1"
        row = await self._readers.run(lambda database: database.execute(query).fetchone())
        return None if row is None else from_row(row)

    async def close(self) -> None:
        """Finish the writes that wait, then close the file."""
        await asyncio.to_thread(self._readers.close)
        await asyncio.to_thread(self._writer.close)


def find(database: sqlite3.Connection, run_id: str) -> TrainingRun:
    """Raises NotFound."""
    row = database.execute("SELECT document FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        raise NotFound(run_id)
    return from_row(row)


def from_row(row: sqlite3.Row) -> TrainingRun:
    """The run as it was written."""
    return TrainingRun.model_validate_json(row["document"])
