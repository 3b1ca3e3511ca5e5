"""What one photo costs in the cloud: one object and one record are written, the object while inference works."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tests.backends import Cloud
from tests.emulators import Emulator
from tests.faults import Exchange, fault_proxy, passed
from tests.faults import Proxy as Storage
from tests.grpc_proxy import Proxy as Database
from tests.grpc_proxy import grpc_proxy
from tests.security.door import PHOTO, Door, MadeUp, open_door
from tests.waiting import until

from gateway.settings import Settings
from nevus.domain import Measurement, ModelRef


@asynccontextmanager
async def watched(
    gcs: Emulator, firestore: Emulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Door, Storage, Database]]:
    """The gateway with what it says to both stores; manifests and connections are there, as after any first photo."""
    settings = Cloud(gcs, firestore).settings(folder)
    with fault_proxy(gcs.address) as storage:
        async with grpc_proxy(firestore.address) as database:
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.url)
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", database.address)
            named: dict[str, Any] = {name.lower(): value for name, value in settings.items()}
            async with open_door(
                Settings.model_validate(named | {"data_dir": folder, "intake_workers": 1, "reconcile": "request"})
            ) as door:
                door.client.headers.update(await door.credentials("owner", "key"))
                await send(door)
                storage.seen.clear()
                database.calls.clear()
                yield door, storage, database


async def send(door: Door, **headers: str) -> None:
    answer = await door.client.post("/v1/predictions", files={"image": PHOTO}, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "complete")


async def test_one_photo_is_written_and_one_record(
    gcs: Emulator, firestore: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(gcs, firestore, tmp_path, monkeypatch) as (door, storage, database):
        await send(door)
        assert [said.partition("?")[0].split("/b/")[0] for said in storage.seen] == ["POST /upload/storage/v1"]
        assert database.methods() == ["Commit"]
        database.calls.clear()
        await send(door, **{"Idempotency-Key": "one"})
        assert database.methods() == ["BatchGetDocuments", "Commit"]


@dataclasses.dataclass(frozen=True)
class Meeting(MadeUp):
    """Inference that ends when the photo's write has begun; `begun` says that inference has."""

    storage: Storage
    begun: Event

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        self.begun.set()
        await until(lambda: bool(self.storage.seen))
        return await super().measure(photo, timeout=timeout, by=by)


async def test_the_photo_is_written_while_inference_works(
    gcs: Emulator, firestore: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = Event()

    def after_inference_began(exchange: Exchange) -> None:
        assert begun.wait(5)
        passed(exchange)

    async with watched(gcs, firestore, tmp_path, monkeypatch) as (door, storage, _):
        made_up = door.services.classifier
        assert isinstance(made_up, MadeUp)
        meeting = Meeting(made_up.model, storage, begun)
        door.exchange(classifier=meeting)
        storage.plan(after_inference_began, of="POST /upload")
        await send(door)
        assert begun.is_set()
