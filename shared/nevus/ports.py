"""Ports: what the use cases need of the world. Adapters live in `nevus.adapters`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from nevus.audit_links import Head, Link
from nevus.domain import AuditEntry, Caller, ChainedEntry, Measurement, ModelRef, Prediction, Status, TrainingRun
from nevus.signed_uploads import SignedUpload
from nevus.worklist import Wanted

TOMBSTONES_KEPT = timedelta(days=30)


class PortError(Exception):
    """Base of every failure that a port reports."""


class NotFound(PortError):
    """There is no such object or record."""


class Gone(PortError):
    """The record was erased; its tombstone is still kept."""


class AlreadyExists(PortError):
    """Create-if-absent found something there."""


class PreconditionFailed(PortError):
    """The generation or revision is not the expected one."""


class Unavailable(PortError):
    """The dependency is down or late; a later try may succeed."""


class Busy(Unavailable):
    """The dependency refuses work for now; `retry_after` in seconds."""

    def __init__(self, message: str = "busy", retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Late(Unavailable):
    """It did not answer in the time that it had."""


class Absent(Unavailable):
    """The version that is asked for is not at hand, or not yet."""


class Unprocessable(PortError):
    """The dependency can never answer this input."""


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes and the generation that a precondition names."""

    data: bytes
    generation: int


class ObjectStore(Protocol):
    """Named bytes. Keys are relative, slash-separated; a write is durable when it returns."""

    async def put(self, key: str, data: bytes, *, if_generation: int | None = None) -> int:
        """Write and return the new generation.

        `if_generation=0` creates only, another value replaces only that generation; else `PreconditionFailed`.
        """

    async def get(self, key: str) -> StoredObject:
        """Read whole; raises `NotFound`."""

    async def delete(self, key: str, *, before: datetime | None = None) -> None:
        """Remove; a missing object is fine. With `before`, only if it was last written before that moment."""

    async def list(self, prefix: str, *, before: datetime | None = None) -> Sequence[str]:
        """Sorted keys under a prefix; with `before`, of objects last written before that moment."""


class PhotoStore(ObjectStore, Protocol):
    """Clean photos, by key `<prediction id>.<sha256>.jpg`; what clients send directly, under `quarantine/`."""

    async def sign_upload(self, key: str, *, content_type: str, max_bytes: int, lifetime: timedelta) -> SignedUpload:
        """Let whoever holds the answer create that object: of this type, 1 to `max_bytes` bytes, never over another."""


class ModelStore(ObjectStore, Protocol):
    """The model registry's objects; see `nevus.registry`."""


@dataclass(frozen=True)
class Page:
    """One page of records, newest first; `cursor` is None on the last page."""

    items: tuple[Prediction, ...]
    cursor: str | None


class RecordStore(Protocol):
    """Prediction records and the audit log. A write is durable when it returns."""

    async def create(self, record: Prediction) -> None:
        """Create if absent; raises `AlreadyExists`, or `Gone` for an erased id."""

    async def get(self, record_id: str) -> Prediction:
        """Raises `NotFound`, or `Gone` for an erased id."""

    async def replace(self, record: Prediction, *, entry: AuditEntry | None = None) -> Prediction:
        """Write if the stored `revision` equals `record.revision`; returns it with the next revision.

        `entry` is appended to the audit log in the same commit. Raises `PreconditionFailed`, `NotFound`, `Gone`.
        """

    async def page(
        self, *, owner: str | None, case_id: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page:
        """Newest first; `owner=None` means all owners. Raises ValueError on a cursor that it did not make."""

    async def review(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """By priority for review (those that have one), then newest first. ValueError on another page's cursor."""

    async def worklist(
        self, wanted: Wanted, *, cursor: str | None = None, after: Prediction | None = None, limit: int = 50
    ) -> Page:
        """By urgency (see `nevus.worklist`), then newest first; `after` the place of a record, which it may have left.

        ValueError on a cursor that it did not make.
        """

    async def starting_with(self, start: str, *, limit: int) -> tuple[Prediction, ...]:
        """By id: those whose id starts so, which is of letters and digits."""

    async def with_status(self, status: Status, *, before: datetime, limit: int) -> tuple[Prediction, ...]:
        """Oldest first, created before that moment."""

    async def erase(self, record_id: str, *, at: datetime, entry: AuditEntry | None = None) -> None:
        """Remove the record and leave a tombstone; raises `NotFound`, `Gone`.

        `entry` is appended to the audit log in the same commit.
        """

    async def forget_tombstones(self, *, before: datetime) -> int:
        """Drop tombstones older than that moment; returns how many."""

    async def counts(self) -> dict[str, int]:
        """Records by status and by decision, for `/v1/stats` (keys `status:complete`, `decision:refer`, ...)."""

    async def audit(self, entry: AuditEntry) -> None:
        """Append to the audit log, which is one chain however many processes write."""

    async def audit_log(self, *, limit: int = 100, before: int | None = None) -> tuple[ChainedEntry, ...]:
        """Newest first, of those with a sequence number below `before`."""

    async def audit_links(self, *, after: int | None = None, limit: int = 500) -> tuple[Link, ...]:
        """As they are stored, whatever that is, oldest first: from the very first, or after that number."""

    async def audit_head(self) -> Head:
        """Where the log ends."""

    async def since(
        self, place: tuple[datetime, str] | None, *, before: datetime, limit: int
    ) -> tuple[Prediction, ...]:
        """Oldest first: created after that moment and id, of whatever status, and before the other moment."""

    async def diagnosed(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Newest first: records with a clinician's diagnosis. ValueError on a bad cursor."""

    async def confirmed(self, *, cursor: str | None = None, limit: int = 50) -> Page:
        """Oldest first: records with a clinician's diagnosis and consent to training. ValueError on a bad cursor."""

    async def close(self) -> None:
        """Finish what waits, then close."""


@dataclass(frozen=True)
class RunPage:
    """One page of training runs, newest first; `cursor` is None on the last page."""

    items: tuple[TrainingRun, ...]
    cursor: str | None


class RunStore(Protocol):
    """Training runs. A write is durable when it returns."""

    async def begin(self, run: TrainingRun) -> None:
        """Create it, unless another is active: raises `AlreadyExists` then, and for a known id."""

    async def get(self, run_id: str) -> TrainingRun:
        """Raises `NotFound`."""

    async def replace(self, run: TrainingRun) -> TrainingRun:
        """Write if the stored `revision` equals `run.revision`; returns it with the next revision.

        A terminal state lets the next run begin, and stays. Raises `PreconditionFailed`, `NotFound`.
        """

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> RunPage:
        """Newest first. Raises ValueError on a cursor that it did not make."""

    async def active(self) -> TrainingRun | None:
        """The one that is not in a terminal state, if there is one."""

    async def close(self) -> None:
        """Finish what waits, then close."""


class JobState(StrEnum):
    """The life of a job; all but the first are terminal."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class JobReport:
    """What the runner knows of a job; `detail` is one sentence about a failure, `logs_url` where its logs are."""

    state: JobState
    detail: str = ""
    logs_url: str | None = None


class JobRunner(Protocol):
    """Runs the training job, apart from the gateway."""

    async def start(self, run_id: str) -> str:
        """Start the job of a training run; returns the runner's name for it. A failed task is tried again, 3 times.

        Starting a run again gives the job that it has. Raises `Unavailable`.
        """

    async def report(self, job: str) -> JobReport:
        """Where it stands; raises `NotFound`."""

    async def cancel(self, job: str) -> None:
        """End it soon; one that has ended, or is not known, is fine."""

    async def close(self) -> None:
        """Let go of what it holds."""


class Identity(Protocol):
    """Who is calling by bearer token; None for a token that is malformed, unknown, expired or revoked."""

    async def caller(self, token: str) -> Caller | None:
        """Resolve a bearer token; raises `Unavailable` while that cannot be told."""


class ServiceIdentity(Protocol):
    """Which service account is calling by bearer token."""

    async def email(self, token: str) -> str | None:
        """Its address; None for a token that does not hold. Raises `Unavailable` while that cannot be told."""


class Classifier(Protocol):
    """The inference service as the gateway sees it."""

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        """By the champion, or by exactly the version that is named.

        Raises `Busy`, `Absent`, `Late`, `Unavailable` (down), `Unprocessable` (these bytes can never be read).
        """

    async def ready(self) -> bool:
        """Whether a model is loaded and warm."""
