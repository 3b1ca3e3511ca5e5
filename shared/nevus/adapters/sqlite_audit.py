"""The audit log in SQLite: a table of links and a row that says where they end, both written in one transaction."""

from __future__ import annotations

import sqlite3

from nevus.adapters.cursors import from_micros
from nevus.adapters.sql import transaction
from nevus.audit import by_service, chained, read_head
from nevus.audit_links import Head, Link
from nevus.domain import AuditEntry

MIGRATION = """
    ALTER TABLE audit RENAME TO audit_unchained;
    CREATE TABLE audit (sequence INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash TEXT NOT NULL);
    CREATE TABLE audit_head (
        only_one INTEGER PRIMARY KEY CHECK (only_one = 1), sequence INTEGER NOT NULL, hash TEXT NOT NULL)
    """
LEAST = -(2**63)  # where an entry may have been put that no log has
UNCHAINED = "The next {} entries were written before this log was a chain: nothing guarded them until now."


def append(database: sqlite3.Connection, entry: AuditEntry) -> Head:
    """Inside a transaction, which keeps other writers out; returns the new head."""
    link = chained(entry, head_of(database))
    row = (link.sequence, link.text.decode(), link.hash)
    database.execute("INSERT INTO audit VALUES (?, ?, ?)", row)
    database.execute("INSERT OR REPLACE INTO audit_head VALUES (1, ?, ?)", (link.sequence, link.hash))
    return link.head


def head_of(database: sqlite3.Connection) -> Head:
    """Where the log ends, by its own row; raises Unavailable when that is damaged."""
    row = database.execute("SELECT sequence, hash FROM audit_head").fetchone()
    return read_head(*row) if row else Head()


def links_of(database: sqlite3.Connection, after: int | None, limit: int) -> tuple[Link, ...]:
    """Oldest first; as bytes, since a damaged text need not be one."""
    columns = "sequence, CAST(entry AS BLOB), CAST(hash AS BLOB)"
    query = f"SELECT {columns} FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT ?"  # noqa: S608
    rows = database.execute(query, (LEAST if after is None else after + 1, limit)).fetchall()
    return tuple(Link(number, text, digest.decode(errors="replace")) for number, text, digest in rows)


def chain_older(database: sqlite3.Connection) -> None:
    """Put what an older version has written into the chain, after an entry that says so."""
    with transaction(database):
        query = "SELECT at, actor, action, subject FROM audit_unchained ORDER BY number"
        older = [
            AuditEntry(at=from_micros(at), actor=actor, action=action, subject=subject)
            for at, actor, action, subject in database.execute(query).fetchall()
        ]
        if older:
            append(database, by_service("audit.begin", "audit", UNCHAINED.format(len(older))))
        for entry in older:
            append(database, entry)
        database.execute("DELETE FROM audit_unchained")
