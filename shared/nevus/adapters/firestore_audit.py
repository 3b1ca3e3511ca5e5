"""The audit log in Firestore.

`chain/{sequence}` (12 digits) is a link: `entry`, its text, and `hash`. `heads/audit` says where the chain ends. One
commit creates a link and moves the head, with the precondition that nobody has moved it since it was read: so two
writers cannot both follow the same link, and whoever comes second reads the head anew and tries again. The writers of
one process queue for it, so that only processes compete. Older versions wrote to the collection `audit`, unchained;
what is there stays there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from google.cloud.firestore import AsyncClient, AsyncDocumentReference, AsyncQuery
from google.cloud.firestore_v1.async_batch import AsyncWriteBatch

from nevus.adapters.firestore_calls import (
    Snapshot,
    found,
    numbered,
    once,
    only,
    read,
    read_again,
    read_all,
    unchanged,
)
from nevus.adapters.google_calls import DEADLINE, repeated
from nevus.audit import chained, read_head, told
from nevus.audit_links import Head, Link
from nevus.domain import AuditEntry

NAME = re.compile("[0-9]{12}")
ATTEMPTS = 20
PAUSE = 0.02  # seconds before another try, doubled at each one that follows
NO_PLACE = -1


class FirestoreChain:
    """The log of one database."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._links = client.collection("chain")
        self._head = client.collection("heads").document("audit")
        self._turn = asyncio.Lock()

    async def append(self, entry: AuditEntry) -> None:
        """In a commit of its own; an attempt whose answer was lost is looked for where it would be."""
        tried: list[Link] = []

        async def write(earlier: int) -> None:
            del earlier
            places = [self._place(tried[-1].sequence)] if tried else []
            head, *stored = await read_all(self._client, self._head, *places)
            if stored and to_link(stored[0]) == tried[-1]:
                told(tried[-1].head)
                return
            tried.append(chained(entry, to_head(head)))
            await self._commit(self._client.batch(), tried[-1], head)

        await self.written(write, entry)

    async def written(self, write: Callable[[int], Awaitable[None]], entry: AuditEntry | None) -> None:
        """Repeat a write, in its turn and with more patience when it has an entry to append."""
        if entry is None:
            await numbered(write)
            return
        async with asyncio.timeout(DEADLINE), self._turn:
            await numbered(write, attempts=ATTEMPTS, pause=PAUSE)

    async def commit(self, batch: AsyncWriteBatch, entry: AuditEntry | None) -> None:
        """One attempt at a batch that depends on what was read before, with its entry if it has one."""
        if entry is None:
            with read_again():
                await batch.commit(**once())
            return
        head = await read(self._client, self._head)
        await self._commit(batch, chained(entry, to_head(head)), head)

    async def _commit(self, batch: AsyncWriteBatch, link: Link, head: Snapshot) -> None:
        batch.create(self._place(link.sequence), {"entry": link.text.decode(), "hash": link.hash})
        moved = {"sequence": link.sequence, "hash": link.hash}
        if head.exists:
            batch.update(self._head, only(head, moved), option=unchanged(head))
        else:
            batch.create(self._head, moved)
        with read_again():
            await batch.commit(**once())
        told(link.head)

    def _place(self, sequence: int) -> AsyncDocumentReference:
        return self._links.document(f"{sequence:012d}")

    async def links(self, after: int | None, limit: int) -> tuple[Link, ...]:
        """Oldest first, from the very first or after that number."""
        query = AsyncQuery(self._links).order_by("__name__").limit(limit)
        if after is not None:
            query = query.start_after({"__name__": f"{after:012d}"})
        return tuple(to_link(each) for each in await found(query))

    async def head(self) -> Head:
        """Where it ends."""
        return to_head(await repeated(lambda: read(self._client, self._head)))


def to_head(snapshot: Snapshot) -> Head:
    """Before the first entry there is none; raises Unavailable for a damaged one."""
    fields = snapshot.to_dict()
    return read_head(fields.get("sequence"), fields.get("hash")) if fields else Head()


def to_link(snapshot: Snapshot) -> Link:
    """As it is stored; where that is no link at all, one that no chain can have."""
    fields = snapshot.to_dict() or {}
    sequence = int(snapshot.id) if NAME.fullmatch(snapshot.id) else NO_PLACE
    text, digest = fields.get("entry"), fields.get("hash")
    if fields.keys() != {"entry", "hash"} or not isinstance(text, str) or not isinstance(digest, str):
        return Link(sequence, b"", "")
    return Link(sequence, text.encode(), digest)
