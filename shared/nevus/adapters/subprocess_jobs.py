"""The training job as a child process, tried again after a failure as Cloud Run does."""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from nevus.adapters.job_tickets import Ticket, Tickets, how_it_ended, kill_leftover, start_time
from nevus.ports import JobReport, JobState, NotFound, Unavailable

NICE = 10
KILL_AFTER = 10.0  # seconds that a cancelled job has to end by itself
STOP_AFTER = 3.0  # seconds that it has when the gateway stops
PAUSE = 1.0  # seconds before the first retry, doubled at each one that follows


class SubprocessJobs:
    """A `JobRunner`: runs `command --run ID`, with its log in `folder`/logs and what is known of it in `folder`/jobs.

    What a job keeps in `folder`/work/ID, photos above all, goes when its process has ended, however that was.

    The job gets exactly `environment`, and CLOUD_RUN_TASK_ATTEMPT. It follows this process's death; call `recover` at
    the start to go on with what ended so.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        pause: float = PAUSE,
        kill_after: float = KILL_AFTER,
    ) -> None:
        self._command, self._logs = tuple(command), folder / "logs"
        self._work = folder / "work"
        self._environment = {**environment, "NEVUS_FOLLOW_PARENT": str(os.getpid())}
        self._pause, self._kill_after = pause, kill_after
        self._tickets = Tickets(folder / "jobs")
        self._starting, self._closing = asyncio.Lock(), asyncio.Event()
        self._processes: dict[str, Process] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, run_id: str) -> str:
        """The job has the run's id. Raises Unavailable when the command cannot be started."""
        async with self._starting:
            try:
                await self._tickets.get(run_id)
            except NotFound:
                await self._begin(run_id, Ticket())
        return run_id

    async def report(self, job: str) -> JobReport:
        """Where it stands; raises NotFound."""
        ticket = await self._tickets.get(job)
        return JobReport(ticket.state, ticket.detail)

    async def cancel(self, job: str) -> None:
        """SIGTERM, and SIGKILL when it takes too long; one that waits for its next try is not tried again."""
        try:
            ticket = await self._tickets.get(job)
        except NotFound:
            return
        if ticket.state is not JobState.RUNNING or ticket.cancelled:
            return
        await self._tickets.put(job, ticket.model_copy(update={"cancelled": True}))
        if job in self._processes:
            end(self._processes[job], self._kill_after)

    async def recover(self) -> None:
        """Go on with what an earlier gateway left; one that did not stop in order has failed once more by that."""
        for job, left in (await self._tickets.running()).items():
            await asyncio.to_thread(kill_leftover, left)
            await self._clear(job)
            in_order = left.stopped and not left.cancelled
            ticket = left.model_copy(update={"stopped": False}) if in_order else left.after_failure("the gateway ended")
            await self._tickets.put(job, ticket)
            if ticket.state is JobState.RUNNING:
                with suppress(Unavailable):
                    await self._begin(job, ticket)

    async def close(self) -> None:
        """Stop what runs, to be gone on with by `recover`."""
        self._closing.set()
        for job in tuple(self._tasks):
            ticket = await self._tickets.get(job)
            await self._tickets.put(job, ticket.model_copy(update={"stopped": ticket.state is JobState.RUNNING}))
            if job in self._processes:
                end(self._processes[job], STOP_AFTER)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _begin(self, job: str, ticket: Ticket) -> None:
        """Start its process, and a task that looks after it; raises Unavailable."""
        await self._tickets.put(job, ticket)
        process = await self._spawn(job)
        self._tasks[job] = asyncio.create_task(self._attend(job, process), name=f"job {job}")

    async def _spawn(self, job: str) -> Process:
        """Raises Unavailable, and then the job has failed."""
        ticket = await self._tickets.get(job)
        environment = {**self._environment, "CLOUD_RUN_TASK_ATTEMPT": str(ticket.failures)}
        try:
            with self._open_log(job) as log:
                process = await asyncio.create_subprocess_exec(
                    *self._command, "--run", job, stdin=DEVNULL, stdout=log, stderr=log, env=environment
                )
        except OSError as error:
            detail = f"The training job could not be started: {self._command[0]}: {error.strerror}."
            await self._tickets.put(job, ticket.model_copy(update={"state": JobState.FAILED, "detail": detail}))
            raise Unavailable(detail) from error
        self._processes[job] = process
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        await self._note(job, process)
        return process

    async def _note(self, job: str, process: Process) -> None:
        ticket = await self._tickets.get(job)  # it may have been cancelled or stopped meanwhile
        if ticket.cancelled or ticket.stopped:
            end(process, self._kill_after)
        facts = {"pid": process.pid, "started": start_time(process.pid)}
        await self._tickets.put(job, ticket.model_copy(update=facts))

    def _log(self, job: str) -> Path:
        return self._logs / f"training-{job}.log"

    def _open_log(self, job: str) -> BinaryIO:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self._log(job).open("ab")

    async def _attend(self, job: str, process: Process) -> None:
        """Until it has succeeded, was cancelled, has failed too often, or the gateway stops."""
        with suppress(Unavailable):
            while await self._goes_on(job, await process.wait()):
                process = await self._spawn(job)
        self._processes.pop(job, None)
        self._tasks.pop(job, None)

    async def _goes_on(self, job: str, status: int) -> bool:
        """Settle how it ended; when it is to be tried again, wait for that moment."""
        del self._processes[job]
        await self._clear(job)
        ticket = await self._tickets.get(job)
        if ticket.stopped:
            return False
        if status == 0 and not ticket.cancelled:
            settled = ticket.model_copy(update={"state": JobState.SUCCEEDED})
        else:
            settled = ticket.after_failure(how_it_ended(status, self._log(job)))
        await self._tickets.put(job, settled)
        return settled.state is JobState.RUNNING and await self._waited(job, settled)

    async def _clear(self, job: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._work / job, ignore_errors=True)

    async def _waited(self, job: str, failed: Ticket) -> bool:
        """Whether it is still to be tried after the pause."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), self._pause * 2 ** (failed.failures - 1))
        ticket = await self._tickets.get(job)
        if ticket.cancelled:
            await self._tickets.put(job, ticket.model_copy(update={"state": JobState.CANCELLED}))
        return not (ticket.cancelled or ticket.stopped)


def end(process: Process, patience: float) -> None:
    """SIGTERM now, SIGKILL after `patience` seconds; returns at once."""
    with suppress(ProcessLookupError):
        process.terminate()
        asyncio.get_running_loop().call_later(patience, kill, process)


def kill(process: Process) -> None:
    """SIGKILL, unless it has ended."""
    with suppress(ProcessLookupError):
        process.kill()
