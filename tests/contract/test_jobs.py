"""A job's life is told by its run's name: `good` ends well, `bad` fails each time, `long` goes on until cancelled."""

from __future__ import annotations

import asyncio

import pytest

from nevus.ports import JobReport, JobRunner, JobState, NotFound


async def ended(jobs: JobRunner, job: str) -> JobReport:
    for _ in range(600):
        report = await jobs.report(job)
        if report.state is not JobState.RUNNING:
            return report
        await asyncio.sleep(0.02)
    raise AssertionError("it did not end")


async def test_one_that_ends_well(jobs: JobRunner) -> None:
    job = await jobs.start("good")
    assert (await jobs.report(job)).state is JobState.RUNNING
    assert (await ended(jobs, job)).state is JobState.SUCCEEDED


async def test_one_that_fails_says_why(jobs: JobRunner) -> None:
    report = await ended(jobs, await jobs.start("bad"))
    assert report.state is JobState.FAILED
    assert report.detail.endswith(".")


async def test_cancelled(jobs: JobRunner) -> None:
    job = await jobs.start("long")
    await jobs.cancel(job)
    assert (await ended(jobs, job)).state is JobState.CANCELLED
    await jobs.cancel(job)
    assert (await jobs.report(job)).state is JobState.CANCELLED


async def test_cancelling_what_has_ended_changes_nothing(jobs: JobRunner) -> None:
    job = await jobs.start("good")
    await ended(jobs, job)
    await jobs.cancel(job)
    assert (await jobs.report(job)).state is JobState.SUCCEEDED


async def test_started_again_it_is_the_same_job(jobs: JobRunner) -> None:
    job = await jobs.start("long")
    assert await jobs.start("long") == job
    await jobs.cancel(job)
    await ended(jobs, job)
    assert await jobs.start("long") == job
    assert (await jobs.report(job)).state is JobState.CANCELLED


async def test_one_that_is_not_known(jobs: JobRunner) -> None:
    unknown = (await jobs.start("good")).replace("good", "other").replace("training-0", "training-99")
    with pytest.raises(NotFound):
        await jobs.report(unknown)
    await jobs.cancel(unknown)
