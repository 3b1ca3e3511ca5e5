"""One task of a scoring, from its options to the merge."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nevus.adapters.places import place
from nevus.registry import Registry
from training_job import score
from training_job.finding import find_version
from training_job.settings import Settings
from training_job.shards import Folder, Plan, ScoringError, Shard


@dataclass(frozen=True)
class Task:
    """What to score with which model, and where the results go; `gib` is the task's memory."""

    data: str
    out: str
    model: str
    part_rows: int
    gib: float


def run(task: Task, registry: Registry, settings: Settings) -> dict[str, Any] | None:
    """Score this task's shard, then merge if it was the last; the summary, or None when it was not.

    All tasks use the version that the first one found. Raises ManifestError, RegistryError, PortError, ScoringError.
    """
    folder, shard = Folder(task.out), Shard(settings.cloud_run_task_index, settings.cloud_run_task_count)
    version = asyncio.run(find_version(task.model, registry))
    plan = folder.agree(
        Plan(
            data=task.data,
            mark=place(task.data).mark(),
            asked=task.model,
            model=version.ref,
            shards=shard.count,
            part_rows=task.part_rows,
        )
    )
    if plan.model != version.ref:
        version = asyncio.run(registry.load(plan.model))
    score.run(version, plan, folder, shard, task.gib)
    with suppress(ScoringError):
        return score.merge(folder, plan)
    return None


def merge(task: Task) -> dict[str, Any]:
    """Merge what all tasks have finished; raises NotFound, ScoringError."""
    folder = Folder(task.out)
    return score.merge(folder, folder.plan())
