"""Prediction records and the audit log in Firestore.

`records/{id}` is a record: `created_at`, `owner`, `status`, `urgency` and, where there is one, `case_id`, `decision`,
`modality`, `review`, `confirmed: true` and `diagnosed: true` are there for queries; `body` is the record as JSON in a
map, `cam` and `embedding` are its bytes. Erasing replaces all of it by a tombstone at the same place, `erased_at` and
`expires_at`: so one write is enough to create a record that was never there, and no query by a field finds a tombstone.
A TTL policy on the collection `records`, field `expires_at`, drops tombstones without us.

The audit log is in `nevus.adapters.firestore_audit`.

deploy/firestore.indexes.json holds the composite indexes of the queries below and exempts every other field from
Firestore's own. The collection grows by time, which Firestore takes up to 500 writes a second. Why there are no
transactions is in docs/decisions/0003-preconditions-in-firestore.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from google.api_core import exceptions as api
from google.cloud.firestore import AsyncQuery
from google.cloud.firestore_v1.base_query import FieldFilter

from nevus.adapters.cursors import make_cursor, make_review_cursor, make_worklist_cursor
from nevus.adapters.firestore_audit import FirestoreChain
from nevus.adapters.firestore_calls import (
    Snapshot,
    document_at,
    found,
    in_number_order,
    in_order,
    leave_client,
    numbered,
    once,
    only,
    read,
    take_client,
    unchanged,
)
from nevus.adapters.google_calls import DEADLINE, repeated, reported
from nevus.audit import newest
from nevus.audit_links import Head, Link
from nevus.domain import AuditEntry, ChainedEntry, Decision, Prediction, Status
from nevus.ports import TOMBSTONES_KEPT, Gone, NotFound, Page, PreconditionFailed
from nevus.worklist import Wanted, urgency

RAW = {"cam", "embedding"}
BATCH = 100  # tombstones forgotten at once
UP, DOWN = AsyncQuery.ASCENDING, AsyncQuery.DESCENDING


class FirestoreRecords:
    """A `RecordStore` in a project's Firestore database; all stores of a process share one client."""

    def __init__(self, project: str, database: str = "(default)") -> None:
        self._name = (project, database)
        self._client = take_client(*self._name)
        self._records = self._client.collection("records")
        self._chain = FirestoreChain(self._client)

    async def create(self, record: Prediction) -> None:
        """One write; where something is, one read tells what. Raises AlreadyExists, Gone, Unavailable."""
        document, fields = document_at(self._records, record.id), to_fields(record)

        async def write(earlier: int) -> None:
            try:
                await document.create(fields, **once())
            except api.AlreadyExists:
                stored = to_record(await read(self._client, document))
                if not earlier or stored != record:
                    raise

        with reported(record.id):
            await numbered(write)

    async def get(self, record_id: str) -> Prediction:
        """Raises NotFound, Gone, Unavailable."""
        document = document_at(self._records, record_id)
        with reported(record_id):
            return to_record(await repeated(lambda: read(self._client, document)))

    async def replace(self, record: Prediction, *, entry: AuditEntry | None = None) -> Prediction:
        """Write when the stored revision is `record.revision`; raises PreconditionFailed, NotFound, Gone."""
        document = document_at(self._records, record.id)
        changed = record.model_copy(update={"revision": record.revision + 1})

        async def write(earlier: int) -> None:
            snapshot = await read(self._client, document)
            stored = to_record(snapshot)
            if earlier and stored == changed:
                return
            if stored.revision != record.revision:
                raise PreconditionFailed(f"revision is {stored.revision}, not {record.revision}")
            batch = self._client.batch()
            batch.update(document, only(snapshot, to_fields(changed)), option=unchanged(snapshot))
            await self._chain.commit(batch, entry)

        with reported(record.id):
            await self._chain.written(write, entry)
        return changed

    async def page(
        self, *, owner: str | None, case_id: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """Newest first; raises ValueError on a cursor that no page gave."""
        query = AsyncQuery(self._records)
        for field, value in {"owner": owner, "case_id": case_id}.items():
            if value is not None:
                query = query.where(filter=FieldFilter(field, "==", value))
        with reported("records"):
            return to_page(await found(in_order(query, DOWN, cursor).limit(limit + 1)), limit)

    async def review(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """By priority for review, then newest first; raises ValueError on a cursor that no such page gave."""
        query = in_number_order(AsyncQuery(self._records), "review", cursor)
        with reported("records"):
            return to_page(await found(query.limit(limit + 1)), limit, make_review_cursor)

    async def worklist(
        self, wanted: Wanted, *, cursor: str | None = None, after: Prediction | None = None, limit: int = 50
    ) -> Page:
        """By urgency, then newest first; raises ValueError on a cursor that no such page gave."""
        cursor = make_worklist_cursor(after) if after else cursor
        least, most = wanted.urgency
        query = self._records.where(filter=FieldFilter("urgency", ">=", least))
        query = query.where(filter=FieldFilter("urgency", "<=", most))
        for field, value in wanted.equal.items():
            query = query.where(filter=FieldFilter(field, "==", value))
        with reported("records"):
            ordered = in_number_order(query, "urgency", cursor)
            return to_page(await found(ordered.limit(limit + 1)), limit, make_worklist_cursor)

    async def starting_with(self, start: str, *, limit: int) -> tuple[Prediction, ...]:
        """By id, whose beginning is that; tombstones are passed over, and count for the limit."""
        query = self._records.where(filter=FieldFilter("__name__", ">=", self._records.document(start)))
        query = query.where(filter=FieldFilter("__name__", "<", self._records.document(start + "~")))
        with reported("records"):
            snapshots = await found(query.order_by("__name__", UP).limit(limit))
        return tuple(to_record(each) for each in snapshots if "erased_at" not in (each.to_dict() or {}))

    async def since(
        self, place: tuple[datetime, str] | None, *, before: datetime, limit: int
    ) -> tuple[Prediction, ...]:
        """Oldest first, created after that moment and id, and before the other moment."""
        query = self._records.where(filter=FieldFilter("created_at", "<", before))
        ordered = in_order(query, UP)
        if place is not None:
            ordered = ordered.start_after({"created_at": place[0], "__name__": place[1]})
        with reported("records"):
            return tuple(to_record(each) for each in await found(ordered.limit(limit)))

    async def diagnosed(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Newest first, with a clinician's diagnosis; raises ValueError on a cursor that no page gave."""
        query = self._records.where(filter=FieldFilter("diagnosed", "==", True))
        with reported("records"):
            return to_page(await found(in_order(query, DOWN, cursor).limit(limit + 1)), limit)

    async def with_status(self, status: Status, *, before: datetime, limit: int) -> tuple[Prediction, ...]:
        """Oldest first, created before that moment."""
        query = self._records.where(filter=FieldFilter("status", "==", status.value))
        query = query.where(filter=FieldFilter("created_at", "<", before))
        with reported("records"):
            return tuple(to_record(each) for each in await found(in_order(query, UP).limit(limit)))

    async def erase(self, record_id: str, *, at: datetime, entry: AuditEntry | None = None) -> None:
        """Replace the record by its tombstone; raises NotFound, Gone, Unavailable."""
        document = document_at(self._records, record_id)
        tombstone = {"erased_at": at, "expires_at": at + TOMBSTONES_KEPT}

        async def write(earlier: int) -> None:
            snapshot = await read(self._client, document)
            if earlier and snapshot.exists and snapshot.to_dict() == tombstone:
                return
            to_record(snapshot)
            batch = self._client.batch()
            batch.update(document, only(snapshot, tombstone), option=unchanged(snapshot))
            await self._chain.commit(batch, entry)

        with reported(record_id):
            await self._chain.written(write, entry)

    async def forget_tombstones(self, *, before: datetime) -> int:
        """Drop tombstones older than that moment; returns how many. Few are left where the TTL policy works."""
        query = self._records.where(filter=FieldFilter("erased_at", "<", before)).limit(BATCH)
        forgotten = 0
        with reported("records"):
            while tombstones := await found(query):
                dropped = sum(await asyncio.gather(*(drop(each) for each in tombstones)))
                forgotten += dropped
                if len(tombstones) < BATCH or not dropped:
                    break
        return forgotten

    async def counts(self) -> dict[str, int]:
        """Records by status and by decision: `status:complete`, `decision:refer`, ..."""
        keys = [("status", each.value) for each in Status] + [("decision", each.value) for each in Decision]
        with reported("records"):
            numbers = await asyncio.gather(*(self._count(*key) for key in keys))
        return {f"{field}:{value}": n for (field, value), n in zip(keys, numbers, strict=True) if n}

    async def _count(self, field: str, value: str) -> int:
        query = self._records.where(filter=FieldFilter(field, "==", value)).count()
        return int((await repeated(lambda: query.get(**once(DEADLINE))))[0][0].value)

    async def audit(self, entry: AuditEntry) -> None:
        """Append to the audit log; raises Unavailable."""
        with reported("audit"):
            await self._chain.append(entry)

    async def audit_log(self, *, limit: int = 100, before: int | None = None) -> tuple[ChainedEntry, ...]:
        """Newest first."""
        return await newest(self, limit=limit, before=before)

    async def audit_links(self, *, after: int | None = None, limit: int = 500) -> tuple[Link, ...]:
        """Oldest first."""
        with reported("audit"):
            return await self._chain.links(after, limit)

    async def audit_head(self) -> Head:
        """Where the log ends."""
        with reported("audit"):
            return await self._chain.head()

    async def confirmed(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Oldest first: diagnosed, with consent to training; raises ValueError on a cursor that no page gave."""
        query = self._records.where(filter=FieldFilter("confirmed", "==", True))
        with reported("records"):
            return to_page(await found(in_order(query, UP, cursor).limit(limit + 1)), limit)

    async def close(self) -> None:
        """Close the connection, unless another store of this process uses it."""
        await leave_client(*self._name)


async def drop(tombstone: Snapshot) -> bool:
    """Whether it was dropped by us: a record may have taken its place since it was found."""

    async def delete() -> bool:
        try:
            await tombstone.reference.delete(option=unchanged(tombstone), **once())
        except api.FailedPrecondition:
            return False
        return True

    return await repeated(delete)


def to_fields(record: Prediction) -> dict[str, Any]:
    """A record's document; what is not so is left out, and takes no place in an index."""
    searched = {
        "owner": record.owner,
        "case_id": record.context.case_id,
        "status": record.status.value,
        "decision": record.result.decision.value if record.result else None,
        "modality": record.context.modality,
        "urgency": int(urgency(record)),
        "confirmed": record.confirmed or None,
        "diagnosed": record.diagnosis is not None or None,
        "review": record.review,
        "created_at": record.created_at,
    }
    body = {"body": record.model_dump(mode="json", exclude=RAW), "cam": record.cam, "embedding": record.embedding}
    return {name: value for name, value in searched.items() if value is not None} | body


def to_record(snapshot: Snapshot) -> Prediction:
    """The record as it was written; raises NotFound, or Gone for a tombstone."""
    fields = snapshot.to_dict()
    if fields is None:
        raise NotFound(snapshot.id)
    if "erased_at" in fields:
        raise Gone(snapshot.id)
    return Prediction.model_validate(fields["body"] | {name: fields[name] for name in RAW})


def to_page(snapshots: Sequence[Snapshot], limit: int, cursor: Callable[[Prediction], str] = make_cursor) -> Page:
    """Of up to `limit` records; one more tells that it is not the last."""
    items = tuple(to_record(each) for each in snapshots[:limit])
    return Page(items, cursor(items[-1]) if len(snapshots) > limit else None)
