"""Training runs on the audit log: begun with an entry, ended with one, also where a process dies in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contract.training_runs import training_run
from tests.fakes import World, world

from gateway import retrain
from nevus.domain import Caller, ModelRef, Role, RunState, TrainingRun
from nevus.ports import Unavailable
from nevus.training_runs import change

ADA = Caller(id="ada", role=Role.ADMIN)


@pytest.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as opened:
        yield opened


async def told(nevus: World) -> list[tuple[str, str, str]]:
    return [(each.actor, each.action, each.detail) for each in reversed(await nevus.records.audit_log())]


async def test_an_end_that_the_job_wrote_is_told_once(nevus: World) -> None:
    made = ModelRef(name="m", version="2", sha256="0")
    await nevus.runs.begin(training_run())
    await retrain.settle_active(nevus.services)
    assert not await told(nevus)
    await change(nevus.runs, "r1", lambda run: run.model_copy(update={"state": RunState.SUCCEEDED, "version": made}))
    for _ in range(3):
        await retrain.settle_active(nevus.services)
    assert await told(nevus) == [("nevus", "train.end", "succeeded m/2")]
    assert (await nevus.runs.get("r1")).state is RunState.SUCCEEDED


async def test_an_end_is_told_before_the_next_run_begins(nevus: World) -> None:
    await nevus.runs.begin(training_run(state=RunState.FAILED))
    await retrain.begin(nevus.services, ADA)
    assert await told(nevus) == [("nevus", "train.end", "failed"), ("ada", "train", "")]


async def test_a_gateway_that_dies_between_an_end_and_its_mark_tells_it_again(
    nevus: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(run: TrainingRun) -> TrainingRun:
        raise Unavailable(run.id)

    await nevus.runs.begin(training_run(state=RunState.CANCELLED))
    with monkeypatch.context() as patch:
        patch.setattr(nevus.runs, "replace", dies)
        with pytest.raises(Unavailable):
            await retrain.settle_active(nevus.services)
    await retrain.settle_active(nevus.services)
    assert [action for _, action, _ in await told(nevus)] == ["train.end"] * 2


async def test_a_run_that_could_not_begin_says_so(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(run: TrainingRun) -> None:
        raise Unavailable(run.id)

    monkeypatch.setattr(nevus.runs, "begin", fails)
    with pytest.raises(Unavailable):
        await retrain.begin(nevus.services, ADA)
    assert [action for _, action, _ in await told(nevus)] == ["train", "train.failed"]


async def test_without_an_audit_log_nothing_begins(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(entry: object) -> None:
        raise Unavailable(str(entry))

    monkeypatch.setattr(nevus.records, "audit", fails)
    with pytest.raises(Unavailable):
        await retrain.begin(nevus.services, ADA)
    assert await nevus.runs.active() is None
    assert not nevus.jobs.started
