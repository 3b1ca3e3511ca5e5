"""Training runs in Firestore.

`runs/{id}` is a run: `created_at` and `state` are there for queries, `body` is the run as JSON in a map.
`locks/training` names the run that is active: it is created in the one commit that begins a run, which fails where it
stands already, and goes in the one that ends the run.
"""

from __future__ import annotations

from typing import Any

from google.api_core import exceptions as api
from google.cloud.firestore import AsyncQuery
from google.cloud.firestore_v1.base_query import FieldFilter

from nevus.adapters.cursors import make_cursor
from nevus.adapters.firestore_calls import (
    Snapshot,
    document_at,
    found,
    in_order,
    leave_client,
    numbered,
    once,
    only,
    read,
    read_again,
    take_client,
    unchanged,
)
from nevus.adapters.google_calls import repeated, reported
from nevus.domain import RunState, TrainingRun
from nevus.ports import NotFound, PreconditionFailed, RunPage

ACTIVE = [state.value for state in RunState if state.active]


class FirestoreRuns:
    """A `RunStore` in a project's Firestore database; all stores of a process share one client."""

    def __init__(self, project: str, database: str = "(default)") -> None:
        self._name = (project, database)
        self._client = take_client(*self._name)
        self._runs = self._client.collection("runs")
        self._lock = self._client.collection("locks").document("training")

    async def begin(self, run: TrainingRun) -> None:
        """Create it, unless another is active or has its id; raises AlreadyExists, Unavailable."""
        document = document_at(self._runs, run.id)

        async def write(earlier: int) -> None:
            batch = self._client.batch()
            batch.create(document, to_fields(run))
            batch.create(self._lock, {"run": run.id})
            try:
                await batch.commit(**once())
            except api.AlreadyExists:
                stored = await read(self._client, document) if earlier else None
                if stored is None or not stored.exists or to_run(stored) != run:
                    raise

        with reported(run.id):
            await numbered(write)

    async def get(self, run_id: str) -> TrainingRun:
        """Raises NotFound, Unavailable."""
        document = document_at(self._runs, run_id)
        with reported(run_id):
            return to_run(await repeated(lambda: read(self._client, document)))

    async def replace(self, run: TrainingRun) -> TrainingRun:
        """Write when the stored revision is `run.revision`; raises PreconditionFailed, NotFound, Unavailable.

        What has ended cannot become active again.
        """
        document = document_at(self._runs, run.id)
        changed = run.model_copy(update={"revision": run.revision + 1})

        async def write(earlier: int) -> None:
            snapshot = await read(self._client, document)
            stored = to_run(snapshot)
            if earlier and stored == changed:
                return
            if stored.revision != run.revision or run.state.active > stored.state.active:
                raise PreconditionFailed(f"revision is {stored.revision} ({stored.state}), not {run.revision}")
            batch = self._client.batch()
            batch.update(document, only(snapshot, to_fields(changed)), option=unchanged(snapshot))
            if stored.state.active and not run.state.active:
                batch.delete(self._lock)
            with read_again():
                await batch.commit(**once())

        with reported(run.id):
            await numbered(write)
        return changed

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> RunPage:
        """Newest first; raises ValueError on a cursor that no page gave."""
        query = in_order(AsyncQuery(self._runs), AsyncQuery.DESCENDING, cursor).limit(limit + 1)
        with reported("runs"):
            snapshots = await found(query)
        items = tuple(to_run(each) for each in snapshots[:limit])
        return RunPage(items, make_cursor(items[-1]) if len(snapshots) > limit else None)

    async def active(self) -> TrainingRun | None:
        """The one that is not in a terminal state, if there is one."""
        query = self._runs.where(filter=FieldFilter("state", "in", ACTIVE)).limit(1)
        with reported("runs"):
            snapshots = await found(query)
        return to_run(snapshots[0]) if snapshots else None

    async def close(self) -> None:
        """Close the connection, unless another store of this process uses it."""
        await leave_client(*self._name)


def to_fields(run: TrainingRun) -> dict[str, Any]:
    """A run's document."""
    return {"created_at": run.created_at, "state": run.state.value, "body": run.model_dump(mode="json")}


def to_run(snapshot: Snapshot) -> TrainingRun:
    """The run as it was written; raises NotFound."""
    fields = snapshot.to_dict()
    if fields is None:
        raise NotFound(snapshot.id)
    return TrainingRun.model_validate(fields["body"])
