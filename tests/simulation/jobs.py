"""Training jobs in the simulation: they write their progress themselves, end well, badly or without a word."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

from nevus.domain import RunState
from nevus.ports import JobReport, JobState, NotFound, PortError, RunStore
from nevus.training_runs import change

SILENT = None


class SimulatedJobs:
    """A `JobRunner` outside of every process."""

    def __init__(self, runs: RunStore, rng: random.Random) -> None:
        self._runs, self._rng = runs, rng
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, run_id: str) -> str:
        """As the port says."""
        if run_id not in self.tasks:
            end = self._rng.choice((RunState.SUCCEEDED, RunState.FAILED, SILENT))
            self.tasks[run_id] = asyncio.get_running_loop().create_task(self._work(run_id, end))
        return run_id

    async def _work(self, run_id: str, end: RunState | None) -> None:
        for state in (RunState.RUNNING, end):
            await asyncio.sleep(self._rng.uniform(1, 40))
            if state is not SILENT:
                await self._write(run_id, state)

    async def _write(self, run_id: str, state: RunState) -> None:
        fields: dict[str, Any] = {"state": state}
        with suppress(PortError):
            await change(self._runs, run_id, lambda run: run.model_copy(update=fields))

    async def report(self, job: str) -> JobReport:
        """As the port says."""
        if job not in self.tasks:
            raise NotFound(job)
        task = self.tasks[job]
        if not task.done():
            return JobReport(JobState.RUNNING)
        return JobReport(JobState.CANCELLED if task.cancelled() else JobState.SUCCEEDED)

    async def cancel(self, job: str) -> None:
        """As the port says."""
        if job in self.tasks:
            self.tasks[job].cancel()

    async def close(self) -> None:
        """Nothing is held."""
