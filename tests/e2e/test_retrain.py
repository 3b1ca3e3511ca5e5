"""A training run from its record to a challenger by the real job: killed, tried again, cancelled; on either backend."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.backends import Backend, Embedded
from tests.conftest import ROOT
from tests.photos import lesion

from nevus.adapters.files import FileStore
from nevus.domain import Consent, Context, Diagnosis, Modality, Photo, Prediction, RunState, Status, TrainingRun
from nevus.ports import NotFound
from nevus.registry import Channel, sha256
from nevus.training_runs import change
from training_job import bootstrap
from training_job.retrain import Stores
from training_job.settings import Settings

PYTHON = ROOT / ".venv/training/bin/python"
STEPS = 16
PLAN = {
    "RETRAIN_STEPS": str(STEPS),
    "RETRAIN_BATCH_SIZE": "4",
    "RETRAIN_CHECKPOINT_EVERY": "8",
    "RETRAIN_RATE": "1e-6",  # what is drawn has nothing to teach
    "NEVUS_FOLLOW_PARENT": "1",
}
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class Job:
    """An attempt at a run, and what it says."""

    process: subprocess.Popen[bytes]
    log: Path

    async def says(self, words: str) -> bool:
        """Whether its log has them by now."""
        return words in self.log.read_text()

    def told(self, status: int) -> str:
        """All of it, once it has ended with that status."""
        try:
            assert self.process.wait(200) == status, self.log.read_text()
        finally:
            self.process.kill()
            self.process.wait()
        return self.log.read_text()


@dataclass
class World:
    """Stores as the gateway leaves them, and the settings by which a job finds them."""

    settings: dict[str, str]
    stores: Stores

    def job(self, run_id: str, attempt: int = 0, **more: str) -> Job:
        settings = os.environ | self.settings | PLAN | {"CLOUD_RUN_TASK_ATTEMPT": str(attempt)} | more
        command = [str(PYTHON), "-m", "training_job", "retrain", "--run", run_id]
        log = Path(self.settings["DATA_DIR"]) / f"{run_id}.{attempt}.log"
        with log.open("wb") as file:
            return Job(subprocess.Popen(command, env=settings, stdout=file, stderr=file), log)

    async def begin(self, run_id: str, data: Path) -> None:
        """Begin it with a manifest, which the cloud's job finds in a bucket with its photos."""
        address = str(data)
        if bucket := self.settings.get("TRAINING_BUCKET"):
            address = f"gs://{bucket}/base/{data.name}"
            for path in data.parent.glob("*.*"):
                await self.stores.checkpoints.put(f"base/{path.name}", path.read_bytes())
        run = TrainingRun(id=run_id, requested_by="ada", created_at=NOW, updated_at=NOW, data=address)
        await self.stores.runs.begin(run)

    async def diagnosed(self, number: int, photo: bytes, **facts: object) -> None:
        """A record with a clinician's diagnosis, and its photo."""
        record = Prediction(
            id=f"r{number}",
            owner="bea",
            status=Status.COMPLETE,
            created_at=NOW + timedelta(seconds=number),
            body_sha256="",
            context=Context(modality=Modality.CLINICAL),
            consent=Consent(training=True),
            photo=Photo(sha256=sha256(photo), width=120, height=90),
            diagnosis=Diagnosis(label="melanoma", malignant=True, confirmed_by="dr", confirmed_at=NOW),
        ).model_copy(update=facts)
        await self.stores.photos.put(record.photo.key(record.id), photo)
        await self.stores.records.create(record)

    async def trains(self, run_id: str) -> bool:
        """Whether a step is done."""
        return (await self.stores.runs.get(run_id)).step > 0

    async def until(self, job: Job, ask: Callable[[], Awaitable[object]]) -> None:
        """Wait until there is an answer; the job must live on."""
        for _ in range(1000):
            with suppress(NotFound):
                if await ask():
                    return
            assert job.process.poll() is None, job.log.read_text()
            await asyncio.sleep(0.2)
        raise AssertionError(job.log.read_text())


@pytest.fixture
async def world(
    backend: Backend, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    stores = backend.settings(tmp_path)
    for name, value in stores.items():
        if name.endswith("EMULATOR_HOST"):
            monkeypatch.setenv(name, value)
    settings = {"DATA_DIR": str(tmp_path), **stores}
    if isinstance(backend, Embedded):
        registry = FileStore(tmp_path / "models")
        for key in await FileStore(models_dir).list(""):
            await registry.put(key, (models_dir / key).read_bytes())
    opened = await bootstrap.open_stores(
        Settings.model_validate({name.lower(): value for name, value in settings.items()})
    )
    yield World(settings, opened)
    await bootstrap.close_stores(opened)


@pytest.mark.on_emulators  # on the embedded stores the whole loop is run
@pytest.mark.timeout(400)
async def test_a_run_is_terminated_then_killed_and_goes_on_to_a_challenger(world: World, drawn: Path) -> None:
    await world.diagnosed(1, lesion((120, 90), 101))
    await world.diagnosed(2, lesion((120, 90), 102), consent=Consent())
    await world.diagnosed(3, (drawn.parent / "3.jpg").read_bytes())
    before, _ = await world.stores.registry.pointer(Channel.CHAMPION)
    await world.begin("run-1", drawn)

    terminated = world.job("run-1", RETRAIN_CHECKPOINT_EVERY="4000")
    await world.until(terminated, lambda: world.trains("run-1"))
    terminated.process.terminate()
    told = terminated.told(1)
    assert "training from step 0" in told
    assert (await world.stores.runs.get("run-1")).state is RunState.RUNNING
    assert await world.stores.checkpoints.list("runs/run-1/checkpoint.json")

    killed = world.job("run-1", 1)
    await world.until(killed, lambda: killed.says("training from step"))
    killed.process.kill()
    killed.told(-signal.SIGKILL)
    told = world.job("run-1", 2).told(0)
    assert "training from step 0" not in told
    assert "training from step " in told

    run = await world.stores.runs.get("run-1")
    assert (run.state, run.attempts, run.corrections, run.error) == (RunState.SUCCEEDED, 3, 1, None)
    assert (run.step, run.steps) == (STEPS, STEPS)
    assert {"loss", "auroc_unnamed", "test_auroc", "promotion_passed"} <= set(run.metrics)
    assert run.version is not None
    assert run.parent is not None
    assert (await world.stores.registry.resolve(Channel.CHALLENGER)) == run.version
    assert (await world.stores.registry.pointer(Channel.CHAMPION))[0] == before
    manifest = await world.stores.registry.manifest(run.version)
    assert "lineage.npz" in manifest.files
    (verdict,) = await world.stores.registry.verdicts(run.version)
    assert (verdict.champion, verdict.passed) == (run.parent, False)
    assert {"evidence, all photos"} <= {bar.name for bar in verdict.failed}
    assert (manifest.parent, manifest.run) == (run.parent.version, "run-1")
    assert run.parent.version == before.version
    assert manifest.data["sources"]["corrections"] == {"train": 1}
    assert b"<html" in await world.stores.registry.file(run.version, "report.html")
    assert await world.stores.checkpoints.list("runs/run-1") == []
    assert not any(".jpg" in line or "bea" in line for line in run.log_tail)
    assert ".jpg" not in told


@pytest.mark.timeout(200)
async def test_a_run_is_cancelled_while_it_trains(world: World, drawn: Path) -> None:
    await world.begin("run-2", drawn)
    job = world.job("run-2", RETRAIN_STEPS="4000", RETRAIN_CHECKPOINT_EVERY="2")
    await world.until(job, lambda: world.stores.checkpoints.list("runs/run-2/1-"))
    await change(world.stores.runs, "run-2", lambda run: run.model_copy(update={"cancel_requested": True}))
    job.told(0)
    run = await world.stores.runs.get("run-2")
    assert (run.state, run.version) == (RunState.CANCELLED, None)
    assert 0 < run.step < 4000
    assert await world.stores.checkpoints.list("runs/run-2") == []
    with pytest.raises(NotFound):
        await world.stores.registry.pointer(Channel.CHALLENGER)


async def test_a_run_without_its_data_fails_at_once_in_one_sentence(world: World, tmp_path: Path) -> None:
    await world.begin("run-4", tmp_path / "nowhere.csv")
    world.job("run-4").told(1)
    run = await world.stores.runs.get("run-4")
    assert (run.state, run.error) == (RunState.FAILED, "there is no manifest nowhere.csv.")
    world.job("run-4", 1).told(1)
    assert (await world.stores.runs.get("run-4")).attempts == 1


async def test_a_run_that_no_one_began_is_told_in_one_sentence(world: World) -> None:
    told = world.job("run-5").told(1)
    assert "there is no training run run-5" in told
    assert "Traceback" not in told
