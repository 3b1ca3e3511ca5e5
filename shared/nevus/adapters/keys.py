"""Who is calling: API keys, one-time invitations and the sessions they are exchanged for, in one SQLite file.

Every secret here is 32 random bytes, so a plain sha256 keeps it: there is nothing to guess that a slow hash would
protect, and looking it up by its hash compares in constant time as far as the secret is concerned. A key that an
operator brings along (`adopt_key`) should be as random.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nevus.adapters.sql import open_database, reported, transaction
from nevus.domain import Caller, Role

MIGRATIONS = (
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, caller TEXT NOT NULL, role TEXT NOT NULL,
        adopted INTEGER NOT NULL, created_at TEXT NOT NULL, revoked_at TEXT);
    CREATE TABLE invites (hash BLOB PRIMARY KEY, caller TEXT NOT NULL, role TEXT NOT NULL, expires_at REAL NOT NULL);
    CREATE TABLE sessions (hash BLOB PRIMARY KEY, caller TEXT NOT NULL, role TEXT NOT NULL, expires_at REAL NOT NULL);
    CREATE INDEX sessions_by_caller ON sessions (caller)
    """,
)
CALLERS = """
    SELECT caller, role, sum(kind = 'key') AS keys, sum(kind = 'session') AS sessions, sum(kind = 'invite') AS invites
    FROM (SELECT 'key' AS kind, caller, role FROM keys WHERE revoked_at IS NULL
        UNION ALL SELECT 'session', caller, role FROM sessions WHERE expires_at > ?
        UNION ALL SELECT 'invite', caller, role FROM invites WHERE expires_at > ?)
    GROUP BY caller, role ORDER BY caller, role
    """
KEY_PREFIX = "nvs_"
MAX_SECRET = 512
CALLER_ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
INVITE_LIFETIME = timedelta(minutes=15)
SESSION_LIFETIME = timedelta(days=14)


@dataclass(frozen=True)
class NewKey:
    """A key at the one moment when its secret is known."""

    key_id: str
    secret: str
    caller: Caller


@dataclass(frozen=True)
class KeyInfo:
    """What is kept of a key; `adopted` means that the operator brought its secret along."""

    key_id: str
    caller: Caller
    adopted: bool
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class CallerInfo:
    """What is open to a caller in a role at the moment."""

    caller: Caller
    keys: int
    sessions: int
    invitations: int


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


class SqliteIdentity:
    """An `Identity` in the file `path`; several processes may use it at once.

    What the gateway calls is async: look-ups are one indexed read, some ten microseconds, and run in place; what
    writes waits for the disk in a thread. What an operator calls blocks. A failing database is Unavailable.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._database = open_database(path, MIGRATIONS)

    async def caller(self, token: str) -> Caller | None:
        """Who holds this key; None for one that is malformed, unknown or revoked."""
        return self._find("SELECT caller, role FROM keys WHERE hash = ? AND revoked_at IS NULL", token)

    async def session(self, token: str) -> Caller | None:
        """Whose session this is; None when unknown, ended or expired."""
        query = "SELECT caller, role FROM sessions WHERE hash = ? AND expires_at > ?"
        return self._find(query, token, self._clock().timestamp())

    def create_key(self, role: Role, caller_id: str | None = None) -> NewKey:
        """Make a key, for a new caller unless one is named; raises ValueError on a bad caller id."""
        caller, secret = make_caller(role, caller_id), new_secret(KEY_PREFIX)
        key_id = self._insert_key(secret, caller, adopted=False)
        return NewKey(key_id, secret, caller)

    def adopt_key(self, secret: str, role: Role, caller_id: str) -> str:
        """Let in the operator's own secret, in place of those adopted for that caller before; returns the key's id.

        Adopting the same secret again changes nothing, except that a revoked one is let in again. Raises ValueError
        on an empty or over-long secret, or a bad caller id.
        """
        if not secret.strip() or len(secret) > MAX_SECRET:
            raise ValueError(f"a key has 1 to {MAX_SECRET} characters")
        return self._insert_key(secret, make_caller(role, caller_id), adopted=True)

    def _insert_key(self, secret: str, caller: Caller, *, adopted: bool) -> str:
        digest, moment = hashed(secret), self._clock().isoformat()
        row = (key_id_of(secret), digest, caller.id, caller.role.value, adopted, moment)
        with self._writing() as database:
            if adopted:
                retire = (
                    "UPDATE keys SET revoked_at = ? WHERE adopted AND revoked_at IS NULL AND caller = ? AND hash != ?"
                )
                database.execute(retire, (moment, caller.id, digest))
            database.execute(
                """INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (hash) DO UPDATE
                SET revoked_at = NULL, caller = excluded.caller, role = excluded.role""",
                row,
            )
        return row[0]

    def revoke(self, key_id: str) -> bool:
        """Lock a key out for good; False when there is no such key or it was revoked before."""
        statement = "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
        with self._writing() as database:
            return database.execute(statement, (self._clock().isoformat(), key_id)).rowcount == 1

    def keys(self) -> tuple[KeyInfo, ...]:
        """All keys, oldest first."""
        query = "SELECT id, caller, role, adopted, created_at, revoked_at FROM keys ORDER BY created_at, id"
        with self._lock, reported():
            rows = self._database.execute(query).fetchall()
        return tuple(key_info(row) for row in rows)

    def callers(self) -> tuple[CallerInfo, ...]:
        """Everyone with a key, a session or a link that is good now, by id."""
        moment = self._clock().timestamp()
        with self._lock, reported():
            rows = self._database.execute(CALLERS, (moment, moment)).fetchall()
        return tuple(
            CallerInfo(Caller(id=row["caller"], role=Role(row["role"])), row["keys"], row["sessions"], row["invites"])
            for row in rows
        )

    def create_invite(self, role: Role, caller_id: str | None = None, lifetime: timedelta = INVITE_LIFETIME) -> str:
        """A token that `redeem` takes once within its lifetime; raises ValueError on a bad caller id."""
        caller, token = make_caller(role, caller_id), new_secret("nvi_")
        self._insert("invites", token, caller, lifetime)
        return token

    async def redeem(self, token: str) -> str | None:
        """Exchange an invitation for a session's token; None when unknown, used or expired."""
        return await asyncio.to_thread(self._redeem, token)

    def _redeem(self, token: str) -> str | None:
        session, moment = new_secret("nvw_"), self._clock()
        with self._writing() as database:
            for table in ("invites", "sessions"):
                database.execute(f"DELETE FROM {table} WHERE expires_at <= ?", (moment.timestamp(),))  # noqa: S608
            taken = database.execute("DELETE FROM invites WHERE hash = ? RETURNING caller, role", (hashed(token),))
            invite = taken.fetchone()
            if invite is None:
                return None
            expires = (moment + SESSION_LIFETIME).timestamp()
            database.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (hashed(session), *invite, expires))
        return session

    async def end_session(self, token: str) -> None:
        """Sign out; an unknown token is fine."""
        await asyncio.to_thread(self._end_session, token)

    def _end_session(self, token: str) -> None:
        with self._writing() as database:
            database.execute("DELETE FROM sessions WHERE hash = ?", (hashed(token),))

    def end_sessions(self, caller_id: str) -> int:
        """Sign a caller out everywhere, and take back invitations; returns how many sessions ended."""
        with self._writing() as database:
            database.execute("DELETE FROM invites WHERE caller = ?", (caller_id,))
            return database.execute("DELETE FROM sessions WHERE caller = ?", (caller_id,)).rowcount

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _insert(self, table: str, token: str, caller: Caller, lifetime: timedelta) -> None:
        row = (hashed(token), caller.id, caller.role.value, (self._clock() + lifetime).timestamp())
        with self._writing() as database:
            database.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", row)  # noqa: S608  # one of our tables

    def _find(self, query: str, token: str, *more: object) -> Caller | None:
        if len(token) > MAX_SECRET:
            return None
        with self._lock, reported():
            row = self._database.execute(query, (hashed(token), *more)).fetchone()
        return Caller(id=row["caller"], role=Role(row["role"])) if row else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, reported(), transaction(self._database) as database:
            yield database


def new_secret(prefix: str) -> str:
    """32 random bytes, URL-safe, behind a prefix that says what they are."""
    return prefix + secrets.token_urlsafe(32)


def key_id_of(secret: str) -> str:
    """What a key is called where its secret must not be."""
    return "key_" + hashed(secret).hex()[:12]


def hashed(secret: str) -> bytes:
    """What is kept of a secret: its sha256."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def make_caller(role: Role, caller_id: str | None) -> Caller:
    """A caller of that id, or a new one; raises ValueError on an id of other than 1 to 64 plain characters."""
    chosen = secrets.token_hex(8) if caller_id is None else caller_id
    if not CALLER_ID.fullmatch(chosen):
        raise ValueError("a caller's id has 1 to 64 letters, digits or . _ @ -")
    return Caller(id=chosen, role=role)


def key_info(row: sqlite3.Row) -> KeyInfo:
    """A row of the table of keys."""
    caller = Caller(id=row["caller"], role=Role(row["role"]))
    revoked = datetime.fromisoformat(row["revoked_at"]) if row["revoked_at"] else None
    return KeyInfo(row["id"], caller, bool(row["adopted"]), datetime.fromisoformat(row["created_at"]), revoked)
