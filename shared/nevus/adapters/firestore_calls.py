"""What Firestore's stores share: one client a process, time limits, repetition, writes that depend on what was read.

Writes are guarded by preconditions on what was read (`unchanged`) and not by Firestore's transactions: they take two
round trips where a transaction takes three, hold no lock that other writers wait for, and let every call have its
time limit and its own answer to "did the one before go through?", which the client's transactions do not.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from google.api_core import exceptions as api
from google.cloud.firestore import (
    DELETE_FIELD,
    AsyncClient,
    AsyncCollectionReference,
    AsyncDocumentReference,
    AsyncQuery,
    DocumentSnapshot,
    LastUpdateOption,
)

from nevus.adapters.cursors import from_micros, read_cursor, read_numbered_cursor
from nevus.adapters.google_calls import repeated, reported
from nevus.ports import NotFound

T = TypeVar("T")
Snapshot = DocumentSnapshot[AsyncDocumentReference]
ATTEMPT_SECONDS = 3.0
ID = re.compile(r"(?!\.\.?$)(?!__.*__$)[^/\0\ud800-\udfff]{1,300}", re.DOTALL)  # 1,500 bytes are allowed


@dataclass
class Shared:
    """A client, and how many stores of this process use it."""

    client: AsyncClient
    users: int = 0


SHARED: dict[tuple[str, str], Shared] = {}


def take_client(project: str, database: str) -> AsyncClient:
    """The process's one client of a database; it connects at the first call, in that call's event loop.

    With FIRESTORE_EMULATOR_HOST it speaks to the emulator. Raises Unavailable without credentials.
    """
    name = (project, database)
    if name not in SHARED:
        with reported("Firestore"):
            SHARED[name] = Shared(AsyncClient(project=project, database=database))
    SHARED[name].users += 1
    return SHARED[name].client


async def leave_client(project: str, database: str) -> None:
    """Give it back; the last one closes its connection."""
    shared = SHARED[project, database]
    shared.users -= 1
    if not shared.users:
        del SHARED[project, database]
        await shared.client._firestore_api.transport.close()  # the client's own close() forgets the channel


def once(seconds: float | None = None) -> dict[str, Any]:
    """Arguments of one attempt: its time limit, and none of the client's own repetition, which knows no jitter."""
    return {"retry": None, "timeout": seconds or ATTEMPT_SECONDS}


async def numbered(call: Callable[[int], Awaitable[T]], **patience: Any) -> T:
    """`repeated`; the call learns how many before it failed, each of which may yet have gone through."""
    numbers = itertools.count()
    return await repeated(lambda: call(next(numbers)), **patience)


def document_at(collection: AsyncCollectionReference, name: str) -> AsyncDocumentReference:
    """Raises NotFound for a name that no document can have."""
    if not ID.fullmatch(name):
        raise NotFound("no document can have this name")
    return collection.document(name)


async def read(client: AsyncClient, document: AsyncDocumentReference) -> Snapshot:
    """One attempt, to the end of its stream: the reference's own `get` leaves it open, to be cancelled some time."""
    return (await read_all(client, document))[0]


async def read_all(client: AsyncClient, *documents: AsyncDocumentReference) -> list[Snapshot]:
    """Several as they are at one moment, in that order."""
    found = {each.reference.path: each async for each in client.get_all(list(documents), **once())}
    return [found[document.path] for document in documents]


def only(snapshot: Snapshot, fields: Mapping[str, object]) -> dict[str, object]:
    """The update that leaves these fields and no others in the document that was read."""
    return dict.fromkeys(snapshot.to_dict() or {}, DELETE_FIELD) | dict(fields)


def unchanged(snapshot: Snapshot) -> LastUpdateOption:
    """The precondition that nobody has written the document since it was read; else FailedPrecondition."""
    return LastUpdateOption(snapshot.update_time)


@contextmanager
def read_again() -> Iterator[None]:
    """Where a document was changed or made since it was read, this try fails as one that passes: the next reads anew.

    What changed it may have been an attempt before, given up and done after all.
    """
    try:
        yield
    except (api.FailedPrecondition, api.AlreadyExists) as error:
        raise api.Aborted("it was changed meanwhile") from error


def in_order(query: AsyncQuery, direction: str, cursor: str | None = None) -> AsyncQuery:
    """By time and name, after a cursor's place; raises ValueError for another text."""
    ordered = query.order_by("created_at", direction).order_by("__name__", direction)
    if cursor is None:
        return ordered
    micros, name = read_cursor(cursor)
    return ordered.start_after({"created_at": from_micros(micros), "__name__": name})


def in_number_order(query: AsyncQuery, field: str, cursor: str | None) -> AsyncQuery:
    """By a number, time and name, all falling, after a cursor's place; raises ValueError for another text."""
    ordered = query
    for name in (field, "created_at", "__name__"):
        ordered = ordered.order_by(name, AsyncQuery.DESCENDING)
    if cursor is None:
        return ordered
    number, micros, record_id = read_numbered_cursor(cursor)
    return ordered.start_after({field: number, "created_at": from_micros(micros), "__name__": record_id})


async def found(query: AsyncQuery) -> list[Snapshot]:
    """All that the query finds."""
    return list(await repeated(lambda: query.get(**once())))
