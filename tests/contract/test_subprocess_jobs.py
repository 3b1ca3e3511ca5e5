"""Retries, cancelling, and what goes on after the gateway's death, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.contract.test_jobs import ended
from tests.waiting import until

from nevus.adapters.job_tickets import Ticket, Tickets, start_time
from nevus.adapters.subprocess_jobs import SubprocessJobs
from nevus.ports import JobState, Unavailable

COMMAND = [sys.executable, str(ROOT / "tests/training_stand_in.py")]


def runner(folder: Path, command: list[str] = COMMAND) -> SubprocessJobs:
    return SubprocessJobs(command, folder, os.environ, pause=0.01, kill_after=0.3)


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[SubprocessJobs]:
    opened = runner(tmp_path)
    yield opened
    await opened.close()


def log(folder: Path, job: str) -> list[str]:
    path = folder / f"logs/training-{job}.log"
    return path.read_text().splitlines() if path.exists() else []


def left_photo(folder: Path, job: str) -> Path:
    photo = folder / f"work/{job}/photos/1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a photo")
    return photo


async def test_a_failure_is_tried_again_and_the_job_knows_which_attempt_it_is(
    jobs: SubprocessJobs, tmp_path: Path
) -> None:
    report = await ended(jobs, await jobs.start("flaky"))
    assert report.state is JobState.SUCCEEDED
    attempts = [line for line in log(tmp_path, "flaky") if line.startswith("attempt")]
    assert attempts == ["attempt 0 with niceness 10", "attempt 1 with niceness 10"]


async def test_it_is_given_up_after_three_retries(jobs: SubprocessJobs, tmp_path: Path) -> None:
    report = await ended(jobs, await jobs.start("bad"))
    told = "it ended with exit status 1: training_job: a row has no photo"
    assert report.detail == f"The training job failed 4 times; at last {told}."
    assert sum(line.startswith("attempt") for line in log(tmp_path, "bad")) == 4


async def test_a_stubborn_job_is_killed_and_leaves_no_photo(jobs: SubprocessJobs, tmp_path: Path) -> None:
    job = await jobs.start("stubborn")
    await until(lambda: log(tmp_path, job))
    photo = left_photo(tmp_path, job)
    await jobs.cancel(job)
    assert (await jobs.report(job)).state is JobState.RUNNING
    assert (await ended(jobs, job)).state is JobState.CANCELLED
    assert not photo.exists()


async def test_a_job_that_waits_for_its_next_try_can_be_cancelled(tmp_path: Path) -> None:
    jobs = SubprocessJobs(COMMAND, tmp_path, os.environ, pause=0.5)
    job = await jobs.start("bad")
    await until(lambda: len(log(tmp_path, job)) == 2)
    await jobs.cancel(job)
    assert (await ended(jobs, job)).state is JobState.CANCELLED
    await jobs.close()
    assert len(log(tmp_path, job)) == 2


async def test_a_command_that_is_not_there_is_unavailable_and_stays_failed(tmp_path: Path) -> None:
    jobs = runner(tmp_path, ["/nowhere/python"])
    with pytest.raises(Unavailable, match=r"could not be started: /nowhere/python: No such file"):
        await jobs.start("good")
    assert (await jobs.report("good")).state is JobState.FAILED
    await jobs.close()


async def test_one_stopped_in_order_goes_on_without_a_failure(tmp_path: Path) -> None:
    first = runner(tmp_path)
    job = await first.start("long")
    await until(lambda: log(tmp_path, job))
    await first.close()
    second = runner(tmp_path)
    await second.recover()
    assert (await second.report(job)).state is JobState.RUNNING
    await until(lambda: len(log(tmp_path, job)) == 2)
    assert log(tmp_path, job)[1].startswith("attempt 0 ")
    await second.close()


@pytest.mark.parametrize(("failures", "expected"), [(0, JobState.RUNNING), (3, JobState.FAILED)])
async def test_one_left_by_a_killed_gateway_is_ended_and_tried_again_while_tries_are_left(
    tmp_path: Path, failures: int, expected: JobState
) -> None:
    with subprocess.Popen(["sleep", "60"]) as leftover:
        ticket = Ticket(failures=failures, pid=leftover.pid, started=start_time(leftover.pid))
        await Tickets(tmp_path / "jobs").put("long", ticket)
        jobs, photo = runner(tmp_path), left_photo(tmp_path, "long")
        await jobs.recover()
        assert leftover.wait() == -signal.SIGKILL
    assert not photo.exists()
    report = await jobs.report("long")
    assert report.state is expected
    if expected is JobState.RUNNING:
        await until(lambda: log(tmp_path, "long"))
        assert log(tmp_path, "long")[0].startswith("attempt 1 ")
    else:
        assert report.detail == "The training job failed 4 times; at last the gateway ended."
    await jobs.close()


async def test_another_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        await Tickets(tmp_path / "jobs").put("long", Ticket(failures=3, pid=stranger.pid, started="1"))
        jobs = runner(tmp_path)
        await jobs.recover()
        assert stranger.poll() is None
        stranger.kill()
    await jobs.close()
