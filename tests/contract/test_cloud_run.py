"""Cloud Run that is down, late or loses its answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.cloud_run_server import BUSY, JOB, LATE, LOST, UNAVAILABLE, CloudRun, cloud_run

from nevus.adapters.cloud_run import CloudRunJobs
from nevus.ports import JobState, NotFound, Unavailable


@pytest.fixture
async def server() -> AsyncIterator[CloudRun]:
    async with cloud_run() as running:
        yield running


@pytest.fixture
async def jobs(server: CloudRun) -> AsyncIterator[CloudRunJobs]:
    runner = CloudRunJobs(JOB, endpoint=server.endpoint, deadline=0.3, pause=0.01)
    yield runner
    await runner.close()


async def test_the_execution_has_the_run_in_its_arguments_and_its_logs_are_linked(
    server: CloudRun, jobs: CloudRunJobs
) -> None:
    job = await jobs.start("long")
    assert job.startswith(f"{JOB}/executions/")
    (execution,) = server.executions.values()
    assert list(execution.template.containers[0].args) == ["retrain", "--run", "long"]
    assert (await jobs.report(job)).logs_url == f"https://logs.test/{job}"


@pytest.mark.parametrize("fault", [UNAVAILABLE, BUSY, LOST, LATE])
async def test_a_start_that_is_not_answered_makes_one_execution(
    server: CloudRun, jobs: CloudRunJobs, fault: str
) -> None:
    server.faults["RunJob"] = [fault]
    job = await jobs.start("long")
    assert list(server.executions) == [job]
    assert server.calls.count("RunJob") == (1 if fault == LOST else 2)


async def test_each_run_has_its_own_execution(server: CloudRun, jobs: CloudRunJobs) -> None:
    assert await jobs.start("one") != await jobs.start("two")
    assert len(server.executions) == 2


async def test_a_start_is_given_up_after_some_tries(server: CloudRun, jobs: CloudRunJobs) -> None:
    server.faults["RunJob"] = [UNAVAILABLE] * 10
    with pytest.raises(Unavailable):
        await jobs.start("long")
    assert server.calls.count("RunJob") == 3
    assert not server.executions


@pytest.mark.parametrize("fault", [UNAVAILABLE, BUSY, LOST, LATE])
async def test_looking_and_cancelling_are_repeated(server: CloudRun, jobs: CloudRunJobs, fault: str) -> None:
    job = await jobs.start("long")
    server.faults["GetExecution"] = [fault]
    assert (await jobs.report(job)).state is JobState.RUNNING
    server.faults["CancelExecution"] = [fault]
    await jobs.cancel(job)
    assert (await jobs.report(job)).state is JobState.CANCELLED


async def test_another_runners_job_is_not_known(jobs: CloudRunJobs) -> None:
    with pytest.raises(NotFound):
        await jobs.report("k3v5ajq2mzr7c4w6txn2yb5dha")
    await jobs.cancel("k3v5ajq2mzr7c4w6txn2yb5dha")


async def test_one_that_stays_down_is_unavailable(server: CloudRun, jobs: CloudRunJobs) -> None:
    job = await jobs.start("long")
    server.faults["GetExecution"] = [UNAVAILABLE] * 10
    with pytest.raises(Unavailable):
        await jobs.report(job)
