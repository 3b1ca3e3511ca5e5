"""What the SQLite adapters share: opening with a checked schema, one grouping writer, pooled readers."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

from nevus.adapters.locks import locked
from nevus.ports import Unavailable

T = TypeVar("T")
MAX_GROUP = 256


class SchemaError(Exception):
    """The database was written by a newer version of this program."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that commits by hand, syncs every commit, waits 5 s for a lock and overwrites what it deletes."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "journal_size_limit=67108864"):
        connection.execute(f"PRAGMA {pragma}")
    connection.row_factory = sqlite3.Row
    return connection


def open_database(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Connect, and run the migrations that the file has not seen; `user_version` counts them. Raises SchemaError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        connection = connect(path)
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(migrations):
            connection.close()
            raise SchemaError(f"{path} has schema {version}, this program knows {len(migrations)}: use a newer one")
        for number, script in enumerate(migrations[version:], start=version + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT")
    return connection


@contextmanager
def reported() -> Iterator[None]:
    """A full disk, a lock held too long, a damaged file: the port's `Unavailable`."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"database: {error}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A write transaction: committed at the end, undone by an exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class Write:
    """One write on its way to the disk."""

    def __init__(self, work: Callable[[sqlite3.Connection], object]) -> None:
        self._work = work
        self._outcome: tuple[object, Exception | None] = (None, None)
        self.done: Future[object] = Future()

    def attempt(self, connection: sqlite3.Connection) -> None:
        """Run inside the group's transaction; an error undoes this write alone, unless SQLite undid the group."""
        connection.execute("SAVEPOINT one")
        try:
            with reported():
                self._outcome = (self._work(connection), None)
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO one")
            self._outcome = (None, error)
        connection.execute("RELEASE one")

    def settle(self, group_error: Exception | None) -> None:
        """Tell the caller, once the group is durable or lost."""
        result, error = self._outcome
        if group_error or error:
            self.done.set_exception(group_error or error)
        else:
            self.done.set_result(result)


class GroupWriter:
    """One thread that commits all the writes waiting for it in one transaction (group commit).

    A write's own error goes to its own caller; a failed commit goes to every caller of its group.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The work's result, once it is durable; raises what the work raises, or Unavailable."""
        if not self._thread.is_alive():
            raise Unavailable("database is closed")
        write = Write(work)
        self._waiting.put(write)
        return cast(T, await asyncio.wrap_future(write.done))

    def close(self) -> None:
        """Finish what waits, then close the connection."""
        self._waiting.put(None)
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, closing = self._group(first)
            group = [write for write in group if write.done.set_running_or_notify_cancel()]
            error = self._commit(group)
            for write in group:
                write.settle(error)
            if closing:
                return

    def _group(self, first: Write) -> tuple[list[Write], bool]:
        group = [first]
        while len(group) < MAX_GROUP and not self._waiting.empty():
            write = self._waiting.get()
            if write is None:
                return group, True
            group.append(write)
        return group, False

    def _commit(self, group: list[Write]) -> Exception | None:
        try:
            with reported(), transaction(self._connection) as connection:
                for write in group:
                    write.attempt(connection)
        except Exception as error:  # noqa: BLE001  # the thread must live; the error goes to the group's callers
            return error
        return None


class Readers:
    """A few reading connections, each used by one thread at a time."""

    def __init__(self, path: Path, count: int = 2) -> None:
        self._path = path
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(count):
            self._idle.put(connect(path))
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sqlite-reader")
        self._count = count

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The work's result; raises what the work raises, or Unavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._borrowed, work)

    def _borrowed(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._idle.get()
        try:
            with reported():
                return work(connection)
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Wait for running reads, then close."""
        self._threads.shutdown()
        for _ in range(self._count):
            self._idle.get().close()
