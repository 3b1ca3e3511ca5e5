"""A deployment in the simulation: stores that last, gateways before them that are killed and started again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
from fastapi import FastAPI
from tests.fakes import FakeClassifier, FakeIntake
from tests.simulation.faults import Chaos, Faulty, FaultyClassifier, Process
from tests.simulation.jobs import SimulatedJobs
from tests.simulation.loop import WallClock
from tests.simulation.stores import Disk, MemoryObjects, MemoryRecords, MemoryRuns

from gateway.app import create_app
from gateway.canary import Canaries
from gateway.deadline import NEVER, Deadline
from gateway.intake import Intake
from gateway.intake_worker import Clean, clean
from gateway.metrics import Metrics
from gateway.services import Callers, Manifests, Services
from gateway.settings import Settings
from nevus.domain import Caller, ModelRef, Role
from nevus.pointers import Pointer
from nevus.registry import Registry

PORTS = ("photos", "records", "runs", "models", "classifier", "jobs", "identity")
WEATHER = (0.0, 0.02, 0.1, 0.3)  # the share of a port's calls that meet a fault, drawn for each
USUAL = {"reconcile_after": 2.0, "reconcile_tries": 5, "training_data": "manifest.csv", "canary_refresh": 1e6}
SETTINGS = Settings.model_validate(USUAL)
LARGE = {".tflite", ".keras", ".html", ".npz"}  # files that the gateway does not read when it assesses a photo
CALLERS = {role.value: Caller(id=f"a-{role.value}", role=role) for role in Role}


@cache
def applications() -> tuple[FastAPI, FastAPI]:
    """Two, since making one takes longer than a simulation."""
    return create_app(SETTINGS), create_app(SETTINGS)


@cache
def metrics() -> Metrics:
    """Of all simulations together."""
    return Metrics()


@cache
def models(registry: Path) -> tuple[Mapping[str, bytes], ModelRef]:
    """What the gateway reads of a registry, and its champion."""
    files = [path for path in registry.rglob("*") if path.is_file() and path.suffix not in LARGE]
    found = {path.relative_to(registry).as_posix(): path.read_bytes() for path in files}
    return found, Pointer.model_validate_json(found["channels/champion.json"]).ref


cleaned = cache(clean)


class SimulatedIntake(FakeIntake):
    """Decodes each photo once in all simulations."""

    async def clean(self, data: bytes, deadline: Deadline = NEVER) -> Clean:
        deadline.check()
        return cast("Clean", cleaned(data))


class SimulatedIdentity:
    """A token is a role."""

    async def caller(self, token: str) -> Caller | None:
        return CALLERS.get(token)


class Gateway:
    """One process; the application before it is as it is seen from outside."""

    def __init__(self, process: Process, services: Services, app: FastAPI) -> None:
        self.process, self.services, self.app = process, services, app
        app.state.services = services

    async def send(self, caller: str, method: str, path: str, **more: Any) -> httpx.Response | None:
        """The answer, or None where the process was killed before it came."""
        if self.process.dead:
            return None
        task = self.process.run(self._send(caller, method, path, **more))
        await asyncio.wait({task})
        return None if task.cancelled() else cast("httpx.Response", task.result())

    async def _send(self, caller: str, method: str, path: str, headers: Any = None, **more: Any) -> httpx.Response:
        told = {"Authorization": f"Bearer {caller}"} | (headers or {})
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://nevus.test", trust_env=False) as client:
            return await client.request(method, path, headers=told, **more)


class World:
    """One process on embedded stores, or two on stores that have a clock of their own (`cloud`)."""

    def __init__(self, rng: random.Random, registry: Path, wall: WallClock) -> None:
        self.rng, self.wall, self.cloud = rng, wall, rng.random() < 0.5
        self.chaos = Chaos(rng, {port: rng.choice(WEATHER) for port in PORTS})
        self.records, self.runs = MemoryRecords(), MemoryRuns()
        self.disk = Disk((self.records.database, self.runs.database))
        self.photos = MemoryObjects(wall.right if self.cloud else wall.now, self.disk)
        self.jobs = SimulatedJobs(self.runs, rng)
        files, champion = models(registry)
        self.models = MemoryObjects(wall.right)
        self._files = files
        self.classifier = FakeClassifier(champion)
        self.gateways: list[Gateway] = []

    async def start(self) -> None:
        """All processes."""
        for key, data in self._files.items():
            await self.models.put(key, data)
        self.gateways = [self._new(number, 0) for number in range(2 if self.cloud else 1)]

    async def restart(self, number: int) -> None:
        """Kill it; the next one knows what is in the stores, and nothing else."""
        await self.gateways[number].process.kill()
        life = int(self.gateways[number].process.name.partition(".")[2]) + 1
        self.chaos.trace.append(f"killed {number}")
        self.gateways[number] = self._new(number, life)

    def any(self) -> Gateway:
        """One of those that live."""
        return self.rng.choice(self.gateways)

    def _new(self, number: int, life: int) -> Gateway:
        process = Process(f"{number}.{life}")

        def faulty(port: object, name: str) -> Any:
            return Faulty(port, name, process, self.chaos)

        registry, records = Registry(faulty(self.models, "models")), faulty(self.records, "records")
        services = Services(
            settings=SETTINGS,
            photos=faulty(self.photos, "photos"),
            records=records,
            runs=faulty(self.runs, "runs"),
            jobs=faulty(self.jobs, "jobs"),
            registry=registry,
            promotion=registry,
            manifests=Manifests(registry),
            callers=Callers(faulty(SimulatedIdentity(), "identity")),
            classifier=cast("Any", FaultyClassifier(self.classifier, "classifier", process, self.chaos)),
            intake=cast("Intake", SimulatedIntake()),
            metrics=metrics(),
            canaries=Canaries(SETTINGS, registry, registry, records, metrics()),
        )
        return Gateway(process, services, applications()[number])

    async def close(self) -> None:
        """Everything that still runs."""
        for gateway in self.gateways:
            await gateway.process.kill()
        await asyncio.gather(*self.jobs.tasks.values(), return_exceptions=True)
        await self.records.close()
        await self.runs.close()
