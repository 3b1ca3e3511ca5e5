"""Changing a training run's record while another process changes it too."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from nevus import clock
from nevus.domain import TrainingRun
from nevus.ports import PreconditionFailed, RunStore, Unavailable

TRIES = 10
PAUSE = 0.05  # seconds at most before another try, doubled at each one that follows
LONGEST_PAUSE = 1.0


async def change(runs: RunStore, run_id: str, edit: Callable[[TrainingRun], TrainingRun]) -> TrainingRun:
    """The run as it is stored afterwards, with `updated_at` set; `edit` is applied anew when another was faster.

    A run that has ended stays as it is and is returned, so look at its state. Raises NotFound, Unavailable (also when
    it changes too fast), and what `edit` raises.
    """
    for tried in range(TRIES):
        run = await runs.get(run_id)
        if not run.state.active:
            return run
        try:
            return await runs.replace(edit(run).model_copy(update={"updated_at": clock.now()}))
        except PreconditionFailed:
            await asyncio.sleep(random.uniform(0, min(PAUSE * 2**tried, LONGEST_PAUSE)))  # noqa: S311  # jitter
    raise Unavailable(f"{run_id} changes too fast")
