from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.training_runs import training_run

from nevus.domain import CurvePoint, ModelRef, RunState, TrainingRun
from nevus.ports import AlreadyExists, NotFound, PreconditionFailed, RunStore
from nevus.training_runs import change

ENDED = [RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED]


async def ended_run(runs: RunStore, name: str, minutes: float, state: RunState = RunState.SUCCEEDED) -> None:
    await runs.begin(training_run(name, minutes))
    await runs.replace(training_run(name, minutes, state=state))


async def test_reads_back_what_was_written(runs: RunStore) -> None:
    await runs.begin(training_run())
    assert await runs.get("r1") == training_run()
    version = ModelRef(name="m", version="v", sha256="1" * 64)
    full = training_run(
        state=RunState.RUNNING,
        job="job/1",
        attempts=2,
        stage="training",
        step=3,
        steps=9,
        epoch=0.25,
        metrics={"loss": 0.5, "auroc_ham10000": 0.9},
        curves={"loss": (CurvePoint(step=1, value=0.7), CurvePoint(step=3, value=0.5))},
        log_tail=("one", "two"),
        version=version,
        cancel_requested=True,
    )
    assert await runs.replace(full) == full.model_copy(update={"revision": 1})
    assert await runs.get("r1") == full.model_copy(update={"revision": 1})


async def test_one_that_is_not_there(runs: RunStore) -> None:
    with pytest.raises(NotFound):
        await runs.get("none")
    with pytest.raises(NotFound):
        await runs.replace(training_run())
    assert await runs.active() is None


async def test_only_one_is_active(runs: RunStore) -> None:
    await runs.begin(training_run("a"))
    with pytest.raises(AlreadyExists):
        await runs.begin(training_run("b"))
    running = await runs.replace(training_run("a", state=RunState.RUNNING))
    with pytest.raises(AlreadyExists):
        await runs.begin(training_run("b"))
    assert await runs.active() == running
    with pytest.raises(NotFound):
        await runs.get("b")


@pytest.mark.parametrize("state", ENDED)
async def test_the_next_begins_when_it_has_ended(runs: RunStore, state: RunState) -> None:
    await ended_run(runs, "a", 0, state)
    assert await runs.active() is None
    await runs.begin(training_run("b", 1))
    active = await runs.active()
    assert active is not None
    assert active.id == "b"


async def test_an_id_is_used_once(runs: RunStore) -> None:
    await ended_run(runs, "a", 0)
    with pytest.raises(AlreadyExists):
        await runs.begin(training_run("a", 1))
    assert await runs.active() is None
    await runs.begin(training_run("b", 1))


async def test_of_many_that_begin_at_once_one_does(runs: RunStore) -> None:
    beginning = [runs.begin(training_run(f"r{n}", n)) for n in range(10)]
    outcomes = await asyncio.gather(*beginning, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 9
    assert len((await runs.page()).items) == 1


async def test_replaces_by_revision(runs: RunStore) -> None:
    await runs.begin(training_run())
    await runs.replace(training_run(step=1))
    with pytest.raises(PreconditionFailed):
        await runs.replace(training_run(step=2))
    assert (await runs.get("r1")).step == 1


async def test_pages_newest_first(runs: RunStore) -> None:
    for n in range(5):
        await ended_run(runs, f"r{n}", n // 2)
    first = await runs.page(limit=2)
    await runs.begin(training_run("r9", 9))
    second = await runs.page(cursor=first.cursor, limit=2)
    last = await runs.page(cursor=second.cursor, limit=2)
    assert [[run.id for run in page.items] for page in (first, second, last)] == [["r4", "r3"], ["r2", "r1"], ["r0"]]
    assert last.cursor is None
    assert [run.id for run in (await runs.page()).items] == ["r9", "r4", "r3", "r2", "r1", "r0"]


async def test_a_page_that_is_exactly_full_is_the_last(runs: RunStore) -> None:
    await runs.begin(training_run())
    assert (await runs.page(limit=1)).cursor is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cursor=st.text() | st.sampled_from(["MQ", "MSA=", "IA", "MTIgIA"]))
async def test_another_text_is_no_cursor(runs: RunStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        await runs.page(cursor=cursor)


async def test_changes_from_two_sides_are_both_kept(runs: RunStore) -> None:
    await runs.begin(training_run())

    def one_more(run: TrainingRun) -> TrainingRun:
        return run.model_copy(update={"step": run.step + 1})

    def cancel(run: TrainingRun) -> TrainingRun:
        return run.model_copy(update={"cancel_requested": True})

    await asyncio.gather(change(runs, "r1", one_more), change(runs, "r1", cancel), change(runs, "r1", one_more))
    stored = await runs.get("r1")
    assert (stored.step, stored.cancel_requested, stored.revision) == (2, True, 3)
    assert stored.updated_at > training_run().updated_at


async def test_what_has_ended_is_not_changed(runs: RunStore) -> None:
    await ended_run(runs, "r1", 0, RunState.CANCELLED)
    left = await change(runs, "r1", lambda run: run.model_copy(update={"state": RunState.RUNNING}))
    assert left == await runs.get("r1")
    assert left.state is RunState.CANCELLED
    assert await runs.active() is None


async def test_what_has_ended_does_not_become_active_again(runs: RunStore) -> None:
    await ended_run(runs, "r1", 0)
    ended = await runs.get("r1")
    with pytest.raises(PreconditionFailed):
        await runs.replace(ended.model_copy(update={"state": RunState.RUNNING}))
    assert await runs.get("r1") == ended
