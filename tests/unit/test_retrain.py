"""Starting, watching and cancelling a training run, with a runner that says what a test wants."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.training_runs import training_run
from tests.fakes import World, world

from gateway import retrain
from nevus.domain import Role, RunState, TrainingRun
from nevus.ports import JobState, NotFound, Unavailable
from nevus.training_runs import change

RUNS = "/v1/training-runs"


@pytest.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as opened:
        yield opened


@pytest.fixture
async def admin(nevus: World) -> AsyncIterator[httpx.AsyncClient]:
    async with nevus.client(Role.ADMIN, "ada") as client:
        yield client


async def begun(admin: httpx.AsyncClient) -> dict[str, Any]:
    answer = await admin.post(RUNS)
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{RUNS}/{run['id']}" == run["links"]["self"]
    return run


async def seen(admin: httpx.AsyncClient, run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.get(run["links"]["self"])).json()
    return found


async def write(nevus: World, run: dict[str, Any], **fields: Any) -> None:
    """As the job does."""
    await change(nevus.runs, run["id"], lambda latest: latest.model_copy(update=fields))


async def test_a_run_begins_with_its_job_and_is_on_the_audit_log(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    assert nevus.jobs.started == [run["id"]]
    assert (run["state"], run["data"], run["requested_by"]) == ("queued", "manifest.csv", "ada")
    (entry,) = await nevus.records.audit_log()
    assert (entry.actor, entry.action, entry.subject) == ("ada", "train", run["id"])


async def test_without_a_base_manifest_nothing_is_trained(nevus: World) -> None:
    settings = nevus.services.settings.model_copy(update={"training_data": ""})
    without = dataclasses.replace(nevus, services=dataclasses.replace(nevus.services, settings=settings))
    async with without.client(Role.ADMIN) as admin:
        answer = await admin.post(RUNS)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/training-data-missing")
    assert not nevus.jobs.started
    assert await nevus.runs.active() is None


async def test_of_many_starts_at_once_one_is_taken(nevus: World, admin: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(admin.post(RUNS) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9
    (run_id,) = nevus.jobs.started
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["type"], refused["training_run"]) == ("/problems/training-run-active", run_id)
    assert run_id in refused["detail"]


async def test_a_run_whose_job_is_dead_is_in_nobodys_way(nevus: World, admin: httpx.AsyncClient) -> None:
    dead = await begun(admin)
    nevus.jobs.state, nevus.jobs.detail = JobState.FAILED, "It ran out of memory."
    await begun(admin)
    found = await nevus.runs.get(dead["id"])
    assert (found.state, found.error) == (RunState.FAILED, "It ran out of memory.")


async def test_a_job_that_cannot_be_started_fails_its_run(nevus: World, admin: httpx.AsyncClient) -> None:
    nevus.jobs.error = Unavailable("no such job")
    answer = await admin.post(RUNS)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    run = await nevus.runs.get(answer.json()["training_run"])
    assert (run.state, run.error) == (RunState.FAILED, "no such job.")
    nevus.jobs.error = None
    await begun(admin)


async def test_what_the_job_writes_is_seen(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    await write(nevus, run, state=RunState.RUNNING, stage="training", step=3, steps=9, epoch=0.5, attempts=1)
    await write(nevus, run, metrics={"loss": 0.4}, log_tail=("step 3",))
    found = await seen(admin, run)
    told = {name: found[name] for name in ("state", "stage", "step", "steps", "epoch", "metrics", "log_tail")}
    assert told == {
        "state": "running", "stage": "training", "step": 3, "steps": 9, "epoch": 0.5, "metrics": {"loss": 0.4},
        "log_tail": ["step 3"],
    }  # fmt: skip
    assert found["logs_url"] == f"https://logs.test/job-{run['id']}"


ENDS = {
    JobState.SUCCEEDED: ("failed", "The training job ended without saying how."),
    JobState.FAILED: ("failed", "A row has no photo."),
    JobState.CANCELLED: ("cancelled", None),
}


@pytest.mark.parametrize("state", ENDS)
async def test_a_job_that_ends_without_a_word(nevus: World, admin: httpx.AsyncClient, state: JobState) -> None:
    run = await begun(admin)
    nevus.jobs.state, nevus.jobs.detail = state, "A row has no photo"
    found = await seen(admin, run)
    assert (found["state"], found["error"]) == ENDS[state]
    assert await nevus.runs.active() is None


async def test_a_job_that_nobody_knows_any_more(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    nevus.jobs.error = NotFound("gone")
    assert (await seen(admin, run))["state"] == "failed"


async def test_the_job_has_the_last_word(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    await write(nevus, run, state=RunState.SUCCEEDED)
    nevus.jobs.state = JobState.FAILED
    assert (await seen(admin, run))["state"] == "succeeded"


async def test_a_runner_that_is_down_leaves_the_run_as_it_is(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    nevus.jobs.error = Unavailable("down")
    assert (await seen(admin, run))["state"] == "queued"


async def test_the_reconciler_notices_an_end_that_nobody_looks_at(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    nevus.jobs.state = JobState.FAILED
    await retrain.settle_active(nevus.services)
    assert (await nevus.runs.get(run["id"])).state is RunState.FAILED


async def test_cancelling_asks_the_job_and_the_runner(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    answer = await admin.post(run["links"]["cancel"])
    assert (answer.status_code, answer.json()["cancel_requested"]) == (202, True)
    assert nevus.jobs.cancelled == [f"job-{run['id']}"]
    assert (await nevus.records.audit_log())[0].action == "cancel"
    nevus.jobs.state = JobState.FAILED
    assert (await seen(admin, run))["state"] == "cancelled"
    again = await admin.post(f"{RUNS}/{run['id']}/cancel")
    assert (again.status_code, again.json()["state"]) == (202, "cancelled")
    assert len(await nevus.records.audit_log()) == 2


async def test_a_runner_that_was_down_is_asked_again_to_cancel(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    nevus.jobs.error = Unavailable("down")
    assert (await admin.post(run["links"]["cancel"])).status_code == 202
    nevus.jobs.error = None
    await seen(admin, run)
    assert nevus.jobs.cancelled == [f"job-{run['id']}"]


async def test_progress_and_a_cancellation_do_not_undo_each_other(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await begun(admin)
    steps = [write(nevus, run, state=RunState.RUNNING, step=n) for n in range(1, 4)]
    await asyncio.gather(*steps, admin.post(run["links"]["cancel"]))
    found = await nevus.runs.get(run["id"])
    assert found.cancel_requested
    assert found.step > 0


async def left_without_job(nevus: World, seconds: float, **fields: Any) -> TrainingRun:
    """By a gateway that ended after it began the run and before it had its job's name."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    run = training_run("a" * 26, created_at=moment, updated_at=moment, **fields)
    await nevus.runs.begin(run)
    return run


async def test_a_run_left_without_a_job_gets_one(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await left_without_job(nevus, seconds=100)
    await admin.get(f"{RUNS}/{run.id}")
    assert nevus.jobs.started == [run.id]
    assert (await nevus.runs.get(run.id)).job == f"job-{run.id}"


async def test_of_many_gateways_one_starts_it(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await left_without_job(nevus, seconds=100)
    await asyncio.gather(*(admin.get(f"{RUNS}/{run.id}") for _ in range(10)))
    assert nevus.jobs.started == [run.id]


async def test_a_run_that_is_just_being_started_is_left_alone(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await left_without_job(nevus, seconds=1)
    await admin.get(f"{RUNS}/{run.id}")
    assert not nevus.jobs.started


async def test_a_run_cancelled_while_it_starts_is_ended(nevus: World, admin: httpx.AsyncClient) -> None:
    run = await left_without_job(nevus, seconds=100, cancel_requested=True)
    await admin.get(f"{RUNS}/{run.id}")
    assert nevus.jobs.cancelled == [f"job-{run.id}"]


async def test_runs_by_page(nevus: World, admin: httpx.AsyncClient) -> None:
    nevus.jobs.state = JobState.CANCELLED
    runs = [await begun(admin) for _ in range(3)]
    first = (await admin.get(RUNS, params={"limit": 2})).json()
    rest = (await admin.get(RUNS, params={"limit": 2, "cursor": first["next"]})).json()
    assert [run["id"] for run in first["items"] + rest["items"]] == [run["id"] for run in reversed(runs)]
    assert rest["next"] is None
    assert {run["state"] for run in first["items"]} == {"cancelled"}
    assert (await admin.get(RUNS, params={"cursor": "x"})).status_code == 422


async def test_one_that_is_not_there(admin: httpx.AsyncClient) -> None:
    assert (await admin.get(f"{RUNS}/{'a' * 26}")).status_code == 404
    assert (await admin.post(f"{RUNS}/{'a' * 26}/cancel")).status_code == 404
