"""What the SQLite adapters promise beyond the contract: grouping, isolation of failures, schema, no lost writes."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.predictions import moment, prediction

from nevus.adapters.sql import GroupWriter, SchemaError, open_database
from nevus.adapters.sqlite import MIGRATIONS, SqliteRecords
from nevus.domain import Consent, Diagnosis
from nevus.ports import AlreadyExists, Unavailable

TABLE = ("CREATE TABLE t (n INTEGER PRIMARY KEY, data BLOB)",)


def insert(n: int, size: int = 1) -> Callable[[sqlite3.Connection], int]:
    return lambda database: database.execute("INSERT INTO t VALUES (?, zeroblob(?))", (n, size)).rowcount


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    return open_database(tmp_path / "t.db", TABLE)


async def test_writes_that_wait_share_a_commit(database: sqlite3.Connection) -> None:
    commits: list[str] = []
    database.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    writer = GroupWriter(database)
    await asyncio.gather(*(writer.run(insert(n)) for n in range(200)))
    assert 1 <= len(commits) < 100
    writer.close()


async def test_a_failing_write_fails_alone(database: sqlite3.Connection) -> None:
    writer = GroupWriter(database)
    numbers = [*range(50), 7, *range(50, 60)]
    outcomes = await asyncio.gather(*(writer.run(insert(n)) for n in numbers), return_exceptions=True)
    assert [n for n, outcome in zip(numbers, outcomes, strict=True) if outcome != 1] == [7]
    assert isinstance(outcomes[50], Unavailable)
    assert await writer.run(lambda database: database.execute("SELECT count(*) FROM t").fetchone()[0]) == 60
    writer.close()


async def test_survives_a_full_disk(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA max_page_count=20")
    writer = GroupWriter(database)
    outcomes = await asyncio.gather(*(writer.run(insert(n, 20_000)) for n in range(9)), return_exceptions=True)
    acknowledged = [n for n, outcome in enumerate(outcomes) if outcome == 1]
    assert any(isinstance(outcome, Unavailable) for outcome in outcomes)
    assert await writer.run(insert(100)) == 1
    kept = await writer.run(lambda database: [row[0] for row in database.execute("SELECT n FROM t WHERE n < 100")])
    assert kept == acknowledged
    writer.close()


async def test_a_caller_that_leaves_does_not_stop_the_writer(database: sqlite3.Connection) -> None:
    writer = GroupWriter(database)
    leaving = [asyncio.create_task(writer.run(insert(n))) for n in range(20)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    assert await writer.run(insert(100)) == 1
    writer.close()


async def test_a_lock_held_elsewhere_is_unavailable(tmp_path: Path, database: sqlite3.Connection) -> None:
    database.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(tmp_path / "t.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = GroupWriter(database)
    with pytest.raises(Unavailable, match="locked"):
        await writer.run(insert(1))
    other.execute("ROLLBACK")
    assert await writer.run(insert(1)) == 1
    other.close()
    writer.close()


async def test_a_closed_writer_says_so(database: sqlite3.Connection) -> None:
    writer = GroupWriter(database)
    writer.close()
    with pytest.raises(Unavailable, match="closed"):
        await writer.run(insert(1))


def test_refuses_a_newer_schema_and_keeps_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        open_database(tmp_path / "t.db", TABLE).close()
    open_database(tmp_path / "t.db", (*TABLE, "CREATE TABLE u (n)")).close()
    with pytest.raises(SchemaError, match="has schema 2, this program knows 1"):
        open_database(tmp_path / "t.db", TABLE)


async def test_records_written_before_training_asked_for_them_are_found(tmp_path: Path) -> None:
    before = open_database(tmp_path / "r.db", MIGRATIONS[:1])
    diagnosis = Diagnosis(label="nevus", malignant=False, confirmed_by="cleo", confirmed_at=moment(0))
    for name, said in {"a": diagnosis, "b": None}.items():
        record = prediction(name, consent=Consent(training=True), diagnosis=said)
        columns = "id, owner, status, created_at, revision, document, cam, embedding"
        values = (name, "anna", "complete", 0, 0, record.model_dump_json(exclude={"cam", "embedding"}), b"", b"")
        before.execute(f"INSERT INTO records ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608
    before.close()
    records = SqliteRecords(tmp_path / "r.db")
    assert [each.id for each in (await records.confirmed()).items] == ["a"]
    await records.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from nevus.adapters.sqlite import SqliteRecords
from tests.contract.predictions import prediction

async def create(records, n):
    await records.create(prediction(f"p{n}"))
    print(n, flush=True)

async def main():
    records = SqliteRecords(Path(sys.argv[1]))
    for start in range(0, 100_000, 8):
        await asyncio.gather(*(create(records, n) for n in range(start, start + 8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 40, 200])
async def test_a_killed_writer_loses_nothing_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "r.db"
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as writer:
        assert writer.stdout
        told = [int(writer.stdout.readline()) for _ in range(acknowledged)]
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout if line.endswith("\n")]
    records = SqliteRecords(path)
    for n in told:
        assert await records.get(f"p{n}") == prediction(f"p{n}")
        with pytest.raises(AlreadyExists):
            await records.create(prediction(f"p{n}"))
    await records.close()


def test_a_case_is_looked_for_among_its_owners_photos_alone(tmp_path: Path) -> None:
    database = open_database(tmp_path / "r.db", MIGRATIONS)
    query = "SELECT * FROM records WHERE owner = 'a' AND case_id = 'arm' ORDER BY created_at DESC, id DESC LIMIT 21"
    plan = [row["detail"] for row in database.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert plan == ["SEARCH records USING INDEX by_own_case (owner=? AND case_id=?)"]
    database.close()
