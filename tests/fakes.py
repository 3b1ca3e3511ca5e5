"""A gateway in this process: real embedded stores in a folder, and a classifier that says what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np

from gateway.app import create_app
from gateway.canary import Canaries
from gateway.crew import Crew
from gateway.deadline import NEVER, Deadline
from gateway.door import Place
from gateway.doorkeeper import Doorkeeper
from gateway.intake import Intake
from gateway.intake_worker import Clean, Refusal, clean
from gateway.line import Ticket
from gateway.metrics import Metrics
from gateway.problems import Problem, busy
from gateway.services import Callers, Manifests, Services
from gateway.settings import Settings
from nevus.adapters.file_photos import FilePhotos
from nevus.adapters.files import FileStore
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.sqlite import SqliteRecords
from nevus.adapters.sqlite_runs import SqliteRuns
from nevus.domain import Measurement, ModelRef, Quality, Role, SkinTone
from nevus.ports import Absent, JobReport, JobState, PortError
from nevus.registry import Channel, Registry

GOOD = Quality(sharpness=20.0, brightness=0.6, contrast=0.15, glare=0.0, skin=0.9)
EMPTY = Quality(sharpness=0.0, brightness=0.6, contrast=0.0, glare=0.0, skin=0.0)


class FakeIntake:
    """The work of the intake without its processes."""

    full = False
    waiting = 0

    @asynccontextmanager
    async def place(self, caller: str, size: int = 0, deadline: Deadline = NEVER) -> AsyncIterator[Place]:
        if self.full:
            raise busy()
        keeper = Doorkeeper(Crew(1, 1, 1), places=1, queue=0, room=1, patience=1)
        yield Place(keeper, Ticket(caller, size, 0.0, deadline.at, lambda _: None))

    async def clean(self, data: bytes, deadline: Deadline = NEVER) -> Clean:
        deadline.check()
        answer = clean(data)
        if isinstance(answer, Refusal):
            raise Problem(answer.problem, answer.detail)
        return answer


@dataclass
class FakeClassifier:
    """Answers with `quality` and `logit` after `seconds`, or raises `error`; `versions` are asked for by name."""

    model: ModelRef
    error: Exception | None = None
    quality: Quality = GOOD
    logit: float = 3.0
    is_ready: bool = True
    seconds: float = 0.0
    calls: list[bytes] = field(default_factory=list)
    versions: dict[str, FakeClassifier] = field(default_factory=dict)

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        if by is not None:
            if by.version not in self.versions:
                raise Absent(by.version)
            return await self.versions[by.version].measure(photo, timeout=timeout)
        self.calls.append(photo)
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        cam = np.linspace(-1, 1, 49, dtype=np.float32).reshape(7, 7)
        embedding = np.zeros(8, np.float32)
        return Measurement(self.logit, cam, embedding, 0.5, self.quality, SkinTone(), self.model)

    async def ready(self) -> bool:
        return self.is_ready


@dataclass
class FakeJobs:
    """Reports `state` of every job that was started, or raises `error`."""

    state: JobState = JobState.RUNNING
    detail: str = ""
    error: PortError | None = None
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    async def start(self, run_id: str) -> str:
        if self.error:
            raise self.error
        self.started.append(run_id)
        return f"job-{run_id}"

    async def report(self, job: str) -> JobReport:
        if self.error:
            raise self.error
        return JobReport(self.state, self.detail, f"https://logs.test/{job}")

    async def cancel(self, job: str) -> None:
        if self.error:
            raise self.error
        self.cancelled.append(job)

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class World:
    """The services, and the same fakes by their own types."""

    services: Services
    classifier: FakeClassifier
    intake: FakeIntake
    records: SqliteRecords
    photos: FilePhotos
    identity: SqliteIdentity
    runs: SqliteRuns
    jobs: FakeJobs

    @asynccontextmanager
    async def client(self, role: Role = Role.CLIENT, caller_id: str = "anna") -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client of the whole application, with a key; the reconciler does not run."""
        app = create_app(self.services.settings)
        app.state.services = self.services
        headers = {"Authorization": f"Bearer {self.identity.create_key(role, caller_id).secret}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://nevus.test", headers=headers) as client:
            yield client


@asynccontextmanager
async def world(folder: Path, models: Path, **more: Any) -> AsyncIterator[World]:
    """Closed at the end; `more` are settings."""
    registry = Registry(FileStore(models))
    records, identity = SqliteRecords(folder / "records.db"), SqliteIdentity(folder / "identity.db")
    runs, jobs = SqliteRuns(folder / "runs.db"), FakeJobs()
    photos, intake = FilePhotos(folder / "photos"), FakeIntake()
    classifier = FakeClassifier(await registry.resolve(Channel.CHAMPION))
    usual = {"reconcile_after": 0.0, "reconcile_tries": 3, "reconcile_rate": 1000.0, "training_data": "manifest.csv"}
    settings = Settings.model_validate({"data_dir": folder, "models_dir": models, **usual, **more})
    metrics = Metrics()
    services = Services(
        settings=settings,
        photos=photos,
        records=records,
        runs=runs,
        jobs=jobs,
        registry=registry,
        promotion=registry,
        manifests=Manifests(registry),
        callers=Callers(identity, sessions=identity, keys=identity),
        classifier=classifier,
        intake=cast("Intake", intake),
        metrics=metrics,
        canaries=Canaries(settings, registry, registry, records, metrics),
    )
    try:
        yield World(services, classifier, intake, records, photos, identity, runs, jobs)
    finally:
        await records.close()
        await runs.close()
        identity.close()
