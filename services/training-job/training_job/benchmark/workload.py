"""The fixed workload itself: train, export, calibrate and evaluate once a seed. Imports TensorFlow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nevus.domain import ModelRef
from nevus.registry import MODEL_FILE, STATISTICS_FILE, Version
from training_job import constants, evaluate, export, train, version
from training_job.benchmark.sampler import Meter
from training_job.data import Row, open_photo
from training_job.evaluate import Answered
from training_job.hooks import Hooks
from training_job.parallel import on_all_cores
from training_job.plan import Plan
from training_job.progress import steps
from training_job.texture import served

UNCALIBRATED = ("isic10k",)
FACTS = {"name": "benchmark", "licence": "none: not to be served", "parent": None, "uncalibrated": UNCALIBRATED}
SLOW_START = 2  # steps while the graph is traced, left out of the rate of steps


@dataclass
class Pace:
    """When each step ended."""

    ends: list[float] = field(default_factory=list)

    def stepped(self, done: int, loss: float) -> None:  # noqa: ARG002  # a hook's arguments
        """One more."""
        self.ends.append(time.monotonic())

    @property
    def step_seconds(self) -> float | None:
        """Median of a step; None for too few."""
        gaps = [later - earlier for earlier, later in zip(self.ends, self.ends[1:], strict=False)]
        return statistics.median(gaps[SLOW_START:]) if len(gaps) > SLOW_START else None


@dataclass(frozen=True)
class Outcome:
    """What one seed gave."""

    plan: Plan
    answered: list[Answered]
    step_seconds: float | None


def plan_of(weights: str, seed: int, *, training_steps: int, head_steps: int, batch_size: int) -> Plan:
    """A short training; what is averaged over steps is averaged over as large a share of them as in a long one."""
    averaging = min(Plan(weights="").averaging, 1 - 8 / max(9, training_steps))
    return Plan(
        weights=weights,
        steps=training_steps,
        head_steps=head_steps,
        batch_size=batch_size,
        averaging=averaging,
        seed=seed,
    )


def read_all(rows: Sequence[Row]) -> None:
    """Decode every photo once, on all cores; raises OSError."""
    with steps("reading", len(rows)) as step:
        for _ in on_all_cores(lambda: None, lambda _, row: open_photo(row).size, rows, step):
            pass


def once(rows: list[Row], plan: Plan, folder: Path, meter: Meter) -> Outcome:
    """One seed, from the start weights to answers; raises ExportError, ValueError, OSError."""
    pace = Pace()
    meter.enter("start")
    trainer = train.Trainer(rows, plan, folder, Hooks(stepped=pace.stepped))
    meter.enter("train")
    trainer.run()
    meter.enter("export")
    export.round_to_half(trainer.model)
    exported = export.to_litert(served(trainer.model, plan.side, plan.views))
    meter.enter("calibrate")
    found = constants.measure(
        exported, rows, side=plan.side, shares=plan.shares, uncalibrated=UNCALIBRATED, seed=plan.seed
    )
    manifest = version.describe(trainer.model, rows, plan, FACTS, found)
    files = {MODEL_FILE: exported, STATISTICS_FILE: found.statistics}
    meter.enter("evaluate")
    ref = ModelRef(name=manifest.name, version=manifest.version, sha256="")
    _, answered = evaluate.run(Version(ref=ref, manifest=manifest, files=files), rows, split="test", shortcuts=False)
    meter.enter("")
    return Outcome(plan, answered, pace.step_seconds)
