"""What the use cases and routes work with; `gateway.bootstrap` fills it with real adapters, tests with fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gateway.canary import Canaries
from gateway.failures import Failures
from gateway.intake import Intake
from gateway.metrics import Metrics
from gateway.neighbours import Neighbours
from gateway.settings import Settings
from nevus.adapters.keys import SqliteIdentity
from nevus.domain import Caller, ModelRef
from nevus.ports import Classifier, Identity, JobRunner, PhotoStore, RecordStore, RunStore, ServiceIdentity
from nevus.registry import Manifest, Registry


class Sessions(Protocol):
    """Sign-in links and the sessions of the pages."""

    async def redeem(self, token: str) -> str | None:
        """A session's token for a one-time link's, once; None for one that is used, late or unknown."""

    async def session(self, token: str) -> Caller | None:
        """Who holds this session."""

    async def end_session(self, token: str) -> None:
        """Sign out; an unknown session is fine."""


@dataclass(frozen=True)
class Callers:
    """Who is calling, by each way in that this deployment has: bearer tokens, and what else is not None.

    `keys` is where those are managed that this deployment keeps itself. `iap` reads the header that Identity-Aware
    Proxy puts on a browser's request, `scheduler` Cloud Scheduler's token; `failures` counts the secrets that none of
    them knows.
    """

    identity: Identity
    sessions: Sessions | None = None
    keys: SqliteIdentity | None = None
    iap: Identity | None = None
    scheduler: ServiceIdentity | None = None
    failures: Failures = field(default_factory=Failures)


class Manifests:
    """Verified manifests by the version that answered, read once each (they are immutable)."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[ModelRef, Manifest] = {}

    async def get(self, ref: ModelRef) -> Manifest:
        """Raises NotFound, RegistryError on a wrong hash."""
        if ref not in self._known:
            self._known[ref] = await self._registry.manifest(ref)
        return self._known[ref]


@dataclass
class Backlog:
    """What is known here of the predictions that are pending, as of the last round of the reconciler."""

    pending: int = 0


@dataclass(frozen=True)
class Services:
    """One gateway's adapters and settings, on `app.state.services`.

    `registry` is for reading; `promotion` writes, and only where channels point. `under_way` are the ids of records
    that are being made here, or may still appear: their photos may be stored already.
    """

    settings: Settings
    photos: PhotoStore
    records: RecordStore
    runs: RunStore
    jobs: JobRunner
    registry: Registry
    promotion: Registry
    manifests: Manifests
    callers: Callers
    classifier: Classifier
    intake: Intake
    metrics: Metrics
    canaries: Canaries
    under_way: list[str] = field(default_factory=list)
    backlog: Backlog = field(default_factory=Backlog)
    neighbours: Neighbours = field(default_factory=Neighbours)
