"""Retraining, started and watched: the gateway begins a run and its job, which then writes its progress itself.

A run whose job ended without a word is found by comparing it with what the runner reports, whenever it is looked at.
"""

from __future__ import annotations

import base64
import logging
import secrets
from datetime import timedelta
from typing import Any

from gateway.problems import Problem
from gateway.services import Services
from nevus import clock
from nevus.audit import by, by_service, intended
from nevus.domain import Caller, RunState, TrainingRun
from nevus.ports import (
    AlreadyExists,
    JobReport,
    JobState,
    NotFound,
    PortError,
    PreconditionFailed,
    RunPage,
    Unavailable,
)
from nevus.training_runs import change

log = logging.getLogger("gateway.retrain")
STARTED_WITHIN = timedelta(seconds=90)  # longer than a runner tries to start a job
RECENT = 3  # runs whose end may not be on the audit log yet; one at a time is active
SILENT = "The training job ended without saying how."
UNKNOWN = "The training job is not known any more to what ran it."


async def begin(services: Services, caller: Caller) -> TrainingRun:
    """A new run, its job started. Raises Problem: `training-data-missing`, `training-run-active`, `unavailable`."""
    if not services.settings.training_data:
        raise Problem("training-data-missing", "Set TRAINING_DATA to the base manifest; corrections alone do not do.")
    await refuse_beside_another(services)
    moment = clock.now()
    name = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    run = TrainingRun(
        id=name, requested_by=caller.id, created_at=moment, updated_at=moment, data=services.settings.training_data
    )
    await tell_ends(services)
    try:
        async with intended(services.records, by(caller, "train", run.id)):
            await services.runs.begin(run)
    except AlreadyExists:
        await refuse_beside_another(services)
        raise Problem("unavailable", "Another run has just ended; please try again.") from None
    started = await start(services, run)
    if started.state is RunState.FAILED and started.job is None:
        raise Problem("unavailable", "The training job could not be started.", extra={"training_run": run.id})
    return started


async def refuse_beside_another(services: Services) -> None:
    """Raises Problem `training-run-active`, which names the run that is active."""
    active = await services.runs.active()
    if active is not None and (await refreshed(services, active)).state.active:
        raise Problem("training-run-active", f"It is {active.id}.", extra={"training_run": active.id})


async def start(services: Services, run: TrainingRun) -> TrainingRun:
    """The run with its job's name; failed when the job cannot be started. A second start gives the same job."""
    try:
        job = await services.jobs.start(run.id)
    except PortError as error:
        log.warning("a training job could not be started: %s", error)
        return await set_fields(services, run, state=RunState.FAILED, error=sentence(str(error)))
    noted = await set_fields(services, run, job=job)
    if noted.cancel_requested:
        await end_job(services, job)
    return noted


async def refreshed(services: Services, run: TrainingRun) -> TrainingRun:
    """The run as it is, its job's end included. A runner that does not answer leaves it as it is stored."""
    if not run.state.active:
        return run
    if run.job is None:
        return await started_late(services, run)
    try:
        report = await services.jobs.report(run.job)
        if run.cancel_requested and report.state is JobState.RUNNING:
            await services.jobs.cancel(run.job)
    except NotFound:
        report = JobReport(JobState.FAILED, UNKNOWN)
    except Unavailable:
        return run
    return await settled(services, run, report)


async def started_late(services: Services, run: TrainingRun) -> TrainingRun:
    """Started by one of all gateways that find it left without a job and without news."""
    moment = clock.now()
    if moment - run.updated_at <= STARTED_WITHIN:
        return run
    try:
        claimed = await services.runs.replace(run.model_copy(update={"updated_at": moment}))
    except PreconditionFailed:
        return await services.runs.get(run.id)
    return await start(services, claimed)


async def settled(services: Services, run: TrainingRun, report: JobReport) -> TrainingRun:
    """With what the runner reports; a job that has ended has written all that it will."""
    news: dict[str, Any] = {"logs_url": report.logs_url} if report.logs_url else {}
    if report.state is JobState.CANCELLED or (report.state is not JobState.RUNNING and run.cancel_requested):
        news["state"] = RunState.CANCELLED
    elif report.state is not JobState.RUNNING:
        detail = report.detail if report.state is JobState.FAILED else SILENT
        news |= {"state": RunState.FAILED, "error": sentence(detail or SILENT)}
    if all(getattr(run, name) == value for name, value in news.items()):
        return run
    return await set_fields(services, run, **news)


async def settle_active(services: Services) -> None:
    """Notice the end of the active run's job, though nobody looks at it, and what the audit log lacks of it."""
    active = await services.runs.active()
    if active is not None:
        await refreshed(services, active)
    await tell_ends(services)


async def tell_ends(services: Services) -> None:
    """Put the ends of the last runs on the audit log, whoever has ended them; a crash may tell one twice."""
    for run in (await services.runs.page(limit=RECENT)).items:
        if run.state.active or run.end_told:
            continue
        made = f" {run.version.name}/{run.version.version}" if run.version else ""
        await services.records.audit(by_service("train.end", run.id, f"{run.state.value}{made}"))
        try:
            await services.runs.replace(run.model_copy(update={"end_told": True}))
        except PreconditionFailed:
            log.info("another one has told the end of %s, too", run.id)


async def find(services: Services, run_id: str) -> TrainingRun:
    """A run as it is now; raises Problem `not-found`."""
    try:
        return await refreshed(services, await services.runs.get(run_id))
    except NotFound:
        raise Problem("not-found", "There is no such training run.") from None


async def page(services: Services, cursor: str | None, limit: int) -> RunPage:
    """Newest first; raises Problem for a cursor that no page gave."""
    try:
        stored = await services.runs.page(cursor=cursor, limit=limit)
    except ValueError:
        raise Problem("invalid-request", "cursor: take it from an earlier page") from None
    return RunPage(tuple([await refreshed(services, run) for run in stored.items]), stored.cursor)


async def cancel(services: Services, caller: Caller, run_id: str) -> TrainingRun:
    """Ask the run to end; one that has ended stays as it is. Raises Problem `not-found`."""
    run = await find(services, run_id)
    if not run.state.active:
        return run
    async with intended(services.records, by(caller, "cancel", run.id)):
        asked = await set_fields(services, run, cancel_requested=True)
    if asked.state.active and asked.job is not None:
        await end_job(services, asked.job)
    return asked


async def end_job(services: Services, job: str) -> None:
    """Soon; a runner that does not answer is asked again when the run is looked at."""
    try:
        await services.jobs.cancel(job)
    except Unavailable as error:
        log.warning("a training job could not be cancelled yet: %s", error)


async def set_fields(services: Services, run: TrainingRun, **fields: Any) -> TrainingRun:
    """The run as it is stored afterwards; one that has ended meanwhile is not changed."""
    return await change(services.runs, run.id, lambda latest: latest.model_copy(update=fields))


def sentence(text: str) -> str:
    """Ends with a full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
