"""Stands in for `training_job retrain --run ID` in a whole system: writes its progress, minds a cancellation.

The file that the run's data names says what it does: `good`, `crash` (killed by itself once), `silent` (exits 0 without
an end) or `long`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from nevus.adapters.stores import run_store
from nevus.domain import CurvePoint, RunState, TrainingRun
from nevus.lifetime import follow_parent_if_asked
from nevus.ports import RunStore
from nevus.training_runs import change
from training_job.settings import Settings

LONG = 2000  # steps of 20 ms


async def work(run_id: str) -> int:
    runs = run_store(Settings())
    run = await change(runs, run_id, lambda run: run.model_copy(update={"attempts": run.attempts + 1}))
    plan = Path(run.data).read_text()
    steps = LONG if plan == "long" else 10
    for step in range(run.step + 1, steps + 1):
        loss = CurvePoint(step=step, value=round(1 / (1 + step / 4), 4))
        curves = {"loss": (*run.curves.get("loss", ())[-40:], loss)}
        told = {"stage": "training", "step": step, "steps": steps, "curves": curves, "log_tail": (f"at {step}",)}
        run = await progress(runs, run_id, state=RunState.RUNNING, **told)
        if run.cancel_requested:
            await progress(runs, run_id, state=RunState.CANCELLED)
            break
        if plan == "crash" and step == 5 and run.attempts == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.02)
    else:
        if plan != "silent":
            await progress(runs, run_id, state=RunState.SUCCEEDED)
    await runs.close()
    return 0


async def progress(runs: RunStore, run_id: str, **fields: Any) -> TrainingRun:
    return await change(runs, run_id, lambda run: run.model_copy(update=fields))


if __name__ == "__main__":
    follow_parent_if_asked()
    sys.exit(asyncio.run(work(sys.argv[-1])))
