"""Stores that outlive the simulated process: the real SQL on a database in memory, and objects in a dictionary.

They work at once, in the caller's own thread, so that what happens in which order is the schedule's to say.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import urlencode

from nevus.adapters import sqlite, sqlite_audit, sqlite_runs
from nevus.adapters.files import reported as file_reported
from nevus.adapters.object_keys import checked_key
from nevus.adapters.sql import GroupWriter, Readers, open_database, reported, transaction
from nevus.adapters.sqlite import SqliteRecords
from nevus.adapters.sqlite_runs import SqliteRuns
from nevus.ports import NotFound, PreconditionFailed, StoredObject
from nevus.signed_uploads import SignedUpload, UploadGrant

T = TypeVar("T")
MEMORY = Path(":memory:")
ENDLESS = 2**30  # pages


class Inline:
    """In the place of the writer and of the readers, both."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """In a transaction of its own."""
        with reported(), transaction(self._database) as database:
            return work(database)


class MemoryRecords(SqliteRecords):
    """The adapter's SQL, without its threads and its disk."""

    def __init__(self) -> None:
        self.database = open_database(MEMORY, sqlite.MIGRATIONS)
        sqlite_audit.chain_older(self.database)
        self._writer, self._readers = threadless(self.database)

    async def close(self) -> None:
        """Let go of it."""
        self.database.close()


class MemoryRuns(SqliteRuns):
    """The adapter's SQL, without its threads and its disk."""

    def __init__(self) -> None:
        self.database = open_database(MEMORY, sqlite_runs.MIGRATIONS)
        self._writer, self._readers = threadless(self.database)

    async def close(self) -> None:
        """Let go of it."""
        self.database.close()


def threadless(database: sqlite3.Connection) -> tuple[GroupWriter, Readers]:
    """What works on it at once."""
    inline = Inline(database)
    return cast("GroupWriter", inline), cast("Readers", inline)


@dataclass
class Disk:
    """What can be full, for all stores on it; SQLite says so itself when it may have no more pages."""

    databases: tuple[sqlite3.Connection, ...]
    full: bool = False

    def fill(self, full: bool) -> None:
        """Leave no room, or as much as anybody wants."""
        self.full = full
        for database in self.databases:
            pages = database.execute("PRAGMA page_count").fetchone()[0] if full else ENDLESS
            database.execute(f"PRAGMA max_page_count={pages}")

    def take(self) -> None:
        """Raises OSError, as the file system does."""
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@dataclass
class Entry:
    """One object and when it was last written."""

    data: bytes
    generation: int
    written: datetime


@dataclass
class MemoryObjects:
    """A `PhotoStore` and a `ModelStore`; `now` is the store's own clock."""

    now: Callable[[], datetime]
    disk: Disk = field(default_factory=lambda: Disk(()))
    objects: dict[str, Entry] = field(default_factory=dict)
    last_generation: int = 0

    async def put(self, key: str, data: bytes, *, if_generation: int | None = None) -> int:
        """As the port says."""
        checked_key(key)
        current = self.objects[key].generation if key in self.objects else 0
        with file_reported(key):
            self.disk.take()
        if if_generation not in (None, current):
            raise PreconditionFailed(f"generation is {current}, not {if_generation}")
        self.last_generation += 1
        self.objects[key] = Entry(data, self.last_generation, self.now())
        return self.last_generation

    async def get(self, key: str) -> StoredObject:
        """As the port says."""
        if checked_key(key) not in self.objects:
            raise NotFound(key)
        return StoredObject(self.objects[key].data, self.objects[key].generation)

    async def delete(self, key: str, *, before: datetime | None = None) -> None:
        """As the port says."""
        if checked_key(key) in self.objects and (before is None or self.objects[key].written < before):
            del self.objects[key]

    async def list(self, prefix: str, *, before: datetime | None = None) -> Sequence[str]:
        """As the port says."""
        return sorted(
            key
            for key, each in self.objects.items()
            if key.startswith(prefix) and (before is None or each.written < before)
        )

    async def sign_upload(self, key: str, *, content_type: str, max_bytes: int, lifetime: timedelta) -> SignedUpload:
        """To the gateway, as files are uploaded; the signature is not what is tried here."""
        expires = self.now() + lifetime
        said = {"key": key, "content_type": content_type, "max_bytes": max_bytes, "expires": int(expires.timestamp())}
        url = f"/v1/uploads/content?{urlencode(said | {'signature': 'ours'})}"
        return SignedUpload(url, "PUT", {"Content-Type": content_type}, expires)

    def verify(self, grant: UploadGrant, signature: str) -> bool:
        """Whether it was signed here."""
        return bool(grant.key) and signature == "ours"
