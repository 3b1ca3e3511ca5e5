"""What is done to the audit log behind Nevus' back, through SQL, is found; and what an older version wrote is kept."""

from __future__ import annotations

import dataclasses
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.contract.predictions import moment

from nevus.adapters import sqlite_audit
from nevus.adapters.sql import open_database
from nevus.adapters.sqlite import MIGRATIONS, SqliteRecords
from nevus.audit import by_service, entry_of
from nevus.audit_links import Head, Link
from nevus.audit_verification import Verification, verify
from nevus.domain import AuditEntry
from nevus.ports import Gone, Unavailable

ENTRIES = 6
TEXTS = [*range(1, ENTRIES + 1)]


@dataclasses.dataclass(frozen=True)
class Raw:
    """The log in a database that a test may spoil."""

    database: sqlite3.Connection

    async def audit(self, entry: AuditEntry) -> None:
        sqlite_audit.append(self.database, entry)

    async def audit_links(self, *, after: int | None = None, limit: int = 500) -> tuple[Link, ...]:
        return sqlite_audit.links_of(self.database, after, limit)

    async def audit_head(self) -> Head:
        return sqlite_audit.head_of(self.database)

    async def found(self, anchor: Head | None = None) -> Verification:
        try:
            return await verify(self, {"the anchor": anchor} if anchor else {})
        except Unavailable as error:
            return broken(str(error))


def broken(what: str) -> Verification:
    return Verification.model_validate({"entries": 0, "head": "", "fault": {"sequence": 0, "what": what}})


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    database = open_database(tmp_path_factory.mktemp("audit") / "r.db", MIGRATIONS)
    for n in TEXTS:
        sqlite_audit.append(database, by_service("train", f"run {n}", "é"))
    yield database
    database.close()


def copy_of(database: sqlite3.Connection) -> Raw:
    copy = sqlite3.connect(":memory:", isolation_level=None)
    copy.row_factory = sqlite3.Row
    database.backup(copy)
    return Raw(copy)


async def test_every_single_byte_that_is_changed_is_found(pristine: sqlite3.Connection) -> None:
    raw = copy_of(pristine)
    assert (await raw.found()).whole
    for column in ("entry", "hash"):
        for sequence in TEXTS:
            where = (sequence,)
            query = f"SELECT CAST({column} AS BLOB) FROM audit WHERE sequence = ?"  # noqa: S608
            (stored,) = raw.database.execute(query, where).fetchone()
            change = f"UPDATE audit SET {column} = CAST(? AS TEXT) WHERE sequence = ?"  # noqa: S608
            for place in range(len(stored)):
                spoilt = bytes([*stored[:place], stored[place] ^ 1 << place % 8, *stored[place + 1 :]])
                raw.database.execute(change, (spoilt, sequence))
                fault = (await raw.found()).fault
                assert fault is not None, (column, sequence, place)
                assert fault.sequence == sequence
            raw.database.execute(change, (stored, sequence))
    assert (await raw.found()).whole


number = st.sampled_from(TEXTS)
CHANGES = st.one_of(
    st.tuples(st.just("DELETE FROM audit WHERE sequence = ?"), st.tuples(number)),
    st.tuples(st.just("UPDATE audit SET sequence = ? WHERE sequence = ?"), st.tuples(st.integers(-3, -1), number)),
    st.tuples(st.just("UPDATE audit SET sequence = sequence + 1000 WHERE sequence >= ?"), st.tuples(number)),
    st.tuples(
        st.just("INSERT INTO audit SELECT ?, entry, hash FROM audit WHERE sequence = ?"),
        st.tuples(st.sampled_from([-(2**40), -1, 0, 7, 8, 2**40]), number),
    ),
    st.tuples(
        st.just("UPDATE audit SET entry = (SELECT entry FROM audit WHERE sequence = ?) WHERE sequence = ?"),
        st.tuples(number, number).filter(lambda pair: pair[0] != pair[1]),
    ),
    st.tuples(
        st.just("UPDATE audit_head SET sequence = ?"),
        st.tuples(st.sampled_from([-1, 0, 1, 5, 7, 2**40, "six", b"6", 6.5])),
    ),
    st.tuples(st.just("UPDATE audit_head SET hash = ?"), st.tuples(st.text(max_size=64) | st.binary(max_size=3))),
    st.tuples(st.just("DELETE FROM audit_head WHERE ?"), st.just((1,))),
    st.tuples(st.just("DELETE FROM audit WHERE sequence >= ?"), st.tuples(number)),
    st.tuples(st.just("UPDATE audit SET entry = ? || entry WHERE sequence > 3"), st.sampled_from([(" ",), ("{}",)])),
)


@settings(max_examples=120, deadline=None)
@given(change=CHANGES)
async def test_whatever_is_done_to_the_rows_is_found(
    pristine: sqlite3.Connection, change: tuple[str, tuple[object, ...]]
) -> None:
    raw = copy_of(pristine)
    raw.database.execute(*change)
    assert not (await raw.found()).whole


async def test_a_page_is_read_from_its_own_place(pristine: sqlite3.Connection) -> None:
    statements: list[str] = []
    pristine.set_trace_callback(statements.append)
    sqlite_audit.links_of(pristine, 3, 2)
    pristine.set_trace_callback(None)
    plan = [row["detail"] for row in pristine.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert plan == ["SEARCH audit USING INTEGER PRIMARY KEY (rowid>?)"]


@pytest.mark.parametrize("one", TEXTS[:-1])
async def test_two_entries_that_were_swapped_are_found(pristine: sqlite3.Connection, one: int) -> None:
    raw = copy_of(pristine)
    for old, new in ((one, -1), (one + 1, one), (-1, one + 1)):
        raw.database.execute("UPDATE audit SET sequence = ? WHERE sequence = ?", (new, old))
    fault = (await raw.found()).fault
    assert fault is not None
    assert fault.sequence == one


async def rewritten(raw: Raw, since: int, detail: str | None) -> None:
    """As someone would who knows how the chain is made: cut off, and written anew with other details."""
    kept = [entry_of(link) for link in await raw.audit_links()]
    raw.database.execute("DELETE FROM audit WHERE sequence >= ?", (since,))
    end = sqlite_audit.links_of(raw.database, None, 99)[-1].head if since > 1 else Head()
    raw.database.execute("UPDATE audit_head SET sequence = ?, hash = ?", (end.sequence, end.hash))
    for entry in kept[since - 1 :] if detail is not None else ():
        fields = {name: getattr(entry, name) for name in AuditEntry.model_fields} | {"detail": detail}
        await raw.audit(AuditEntry(**fields))


@pytest.mark.parametrize("since", TEXTS)
@pytest.mark.parametrize("detail", [None, "another"])
async def test_a_tail_cut_off_or_written_anew_is_found_by_an_anchor_alone(
    pristine: sqlite3.Connection, since: int, detail: str | None
) -> None:
    raw = copy_of(pristine)
    anchor = await raw.audit_head()
    await rewritten(raw, since, detail)
    assert (await raw.found()).whole
    fault = (await raw.found(anchor)).fault
    assert fault is not None
    assert "the anchor" in fault.what


async def test_what_an_older_version_wrote_is_chained_after_an_entry_that_says_so(tmp_path: Path) -> None:
    older = open_database(tmp_path / "r.db", MIGRATIONS[: MIGRATIONS.index(sqlite_audit.MIGRATION)])
    for n in (1, 2):
        row = (n * 60_000_000, "cleo", "erase", f"p{n}")
        older.execute("INSERT INTO audit (at, actor, action, subject) VALUES (?, ?, ?, ?)", row)
    older.close()
    for _ in range(2):
        records = SqliteRecords(tmp_path / "r.db")
        entries = await records.audit_log()
        assert [(each.sequence, each.action, each.subject) for each in reversed(entries)] == [
            (1, "audit.begin", "audit"), (2, "erase", "p1"), (3, "erase", "p2"),
        ]  # fmt: skip
        assert "next 2 entries" in entries[-1].detail
        assert (await verify(records, {})).whole
        await records.close()


WRITER = """
import asyncio, sys
from pathlib import Path
from nevus.adapters.sqlite import SqliteRecords
from nevus.audit import by_service
from tests.contract.predictions import moment, prediction

async def erase(records, n):
    await records.create(prediction(f"p{n}"))
    await records.erase(f"p{n}", at=moment(1), entry=by_service("erase", f"p{n}"))
    print(n, flush=True)

async def main():
    records = SqliteRecords(Path(sys.argv[1]))
    for start in range(0, 100_000, 8):
        await asyncio.gather(*(erase(records, n) for n in range(start, start + 8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 50])
async def test_a_killed_writer_leaves_no_effect_without_its_entry(tmp_path: Path, acknowledged: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "r.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout
        told = [int(writer.stdout.readline()) for _ in range(acknowledged)]
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout if line.endswith("\n")]
    records = SqliteRecords(tmp_path / "r.db")
    entries = {entry.subject for entry in await records.audit_log(limit=100_000)}
    assert {f"p{n}" for n in told} <= entries
    for subject in entries:
        with pytest.raises(Gone):
            await records.get(subject)
    assert await records.forget_tombstones(before=moment(2)) == len(entries)
    assert (await verify(records, {})).whole
    await records.close()
