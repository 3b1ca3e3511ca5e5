"""Attempts at a training run: one that finds what another has published, two alive at once, stores that are down."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from nevus.adapters.files import FileStore
from nevus.adapters.sqlite_runs import SqliteRuns
from nevus.domain import ModelRef, RunState, TrainingRun
from nevus.ports import StoredObject, Unavailable
from nevus.registry import Channel, Registry
from nevus.training_runs import change
from training_job import background, bootstrap, run_record
from training_job.background import Background
from training_job.checkpoints import Checkpoints
from training_job.data import Row
from training_job.recipe import UNCALIBRATED
from training_job.run_record import RunRecord
from training_job.settings import Settings
from training_job.skin_types import recorded_types

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RUN = TrainingRun(id="r1", requested_by="ada", created_at=NOW, updated_at=NOW, data="nowhere.csv")


@pytest.fixture
def loop() -> Iterator[Background]:
    with Background() as background:
        yield background


@pytest.fixture
def runs(tmp_path: Path, loop: Background) -> Iterator[SqliteRuns]:
    store = SqliteRuns(tmp_path / "runs.db")
    loop.run(store.begin(RUN))
    yield store
    loop.run(store.close())


@pytest.fixture
def terminable() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


async def publish_for(registry: Registry, run: str) -> ModelRef:
    """The champion once more, as that run's."""
    champion = await registry.resolve(Channel.CHAMPION)
    manifest = await registry.manifest(champion)
    whole = await registry.load(champion, tuple(manifest.files))
    return await registry.publish(manifest.model_copy(update={"version": f"of-{run}", "run": run}), whole.files)


@pytest.mark.parametrize("pointed", [False, True])
@pytest.mark.usefixtures("terminable")
def test_what_a_killed_attempt_has_published_is_the_run_s_one_challenger(
    runs: SqliteRuns, models_dir: Path, tmp_path: Path, loop: Background, *, pointed: bool
) -> None:
    registry = Registry(FileStore(shutil.copytree(models_dir, tmp_path / "models")))
    loop.run(publish_for(registry, "r0"))
    made = loop.run(publish_for(registry, "r1"))
    if pointed:
        loop.run(registry.point(Channel.CHALLENGER, made, if_generation=0))
    loop.run(change(runs, "r1", lambda run: run.model_copy(update={"attempts": 1, "state": RunState.RUNNING})))
    before = loop.run(registry.versions())
    assert bootstrap.retrain("r1", Settings(data_dir=tmp_path)) == 0
    run = loop.run(runs.get("r1"))
    assert (run.state, run.version, run.attempts) == (RunState.SUCCEEDED, made, 2)
    pointer, _ = loop.run(registry.pointer(Channel.CHALLENGER))
    assert (pointer.version, pointer.previous) == (made.version, None)
    assert loop.run(registry.versions()) == before


def test_an_earlier_attempt_that_lives_on_is_told_to_end_and_changes_nothing(
    runs: SqliteRuns, loop: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_record, "PAUSE", 0.05)
    heard = Event()
    earlier, later = RunRecord(runs, "r1", loop, heard.set), RunRecord(runs, "r1", loop, lambda: None)
    earlier.begin()
    assert not earlier.over()
    later.begin()
    later.tell(stage="training")
    earlier.tell(stage="exporting")
    assert heard.wait(5)
    assert earlier.over()
    assert not earlier.cancelled()
    assert earlier.end(state=RunState.FAILED, error="late").state is RunState.RUNNING
    assert later.end(state=RunState.SUCCEEDED).stage == "training"


class Shared(FileStore):
    """Calls `meanwhile` before its first answer to a reader of a checkpoint's file."""

    meanwhile: Callable[[], object] | None = None

    async def get(self, key: str) -> StoredObject:
        if self.meanwhile and not key.endswith(".json"):
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return await super().get(key)


def checkpoint(folder: Path, step: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"ckpt-{step}.index").write_bytes(f"{folder.name} {step}".encode())
    return folder


def test_of_two_attempts_at_once_the_later_one_s_checkpoints_count(tmp_path: Path, loop: Background) -> None:
    store = Shared(tmp_path / "store")
    earlier, later = (Checkpoints(store, "r1", attempt, "plan", loop) for attempt in (1, 2))

    def keep(checkpoints: Checkpoints, name: str, step: int) -> None:
        checkpoints.keep(checkpoint(tmp_path / name, step), step)
        checkpoints.settle()

    assert earlier.restore(tmp_path / "none") == 0
    keep(earlier, "one", 2)
    with Background() as other:
        racing = Checkpoints(store, "r1", 1, "plan", other)
        store.meanwhile = lambda: keep(racing, "one", 3)
        assert later.restore(tmp_path / "two") == 3
    assert (tmp_path / "two/ckpt-3.index").read_bytes() == b"one 3"
    keep(earlier, "one", 4)
    assert Checkpoints(store, "r1", 2, "plan", loop).restore(tmp_path / "again") == 3
    keep(later, "two", 4)
    keep(earlier, "one", 4)
    last = Checkpoints(store, "r1", 3, "plan", loop)
    assert last.restore(tmp_path / "three") == 4
    assert (tmp_path / "three/ckpt-4.index").read_bytes() == b"two 4"
    last.forget()
    assert loop.run(store.list("runs/")) == []


def test_a_store_that_is_down_is_waited_for(loop: Background, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "PAUSES", (0.0, 0.0))
    tried: list[int] = []

    async def answer(number: int) -> int:
        tried.append(number)
        if len(tried) < number:
            raise Unavailable("down")
        return number

    assert loop.persist(lambda: answer(3)) == 3
    with pytest.raises(Unavailable):
        loop.persist(lambda: answer(99))
    assert tried == [3] * 3 + [99] * 3


def test_corrections_do_not_widen_the_intended_use() -> None:
    def photos(source: str, skin: str) -> list[Row]:
        return [Row("x", Path("x"), i % 2, source, split="train", fitzpatrick=skin) for i in range(40)]

    assert recorded_types(photos("pad_ufes_20", "2") + photos("corrections", "6"), UNCALIBRATED) == (2,)
