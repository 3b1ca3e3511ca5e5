"""A benchmark's run and what is written of it; TensorFlow is imported only once the clock is running."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_job.benchmark import machine
from training_job.benchmark.bill import bill
from training_job.benchmark.sampler import Meter, thinned
from training_job.benchmark.summary import pooled
from training_job.data import Row, fingerprint
from training_job.evaluate import as_answers
from training_job.finding import weights_hash
from training_job.revision import git_commit, libraries

if TYPE_CHECKING:
    from training_job.benchmark.workload import Outcome

FORMAT = 1
FIRST_SEED = 7


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be run; `data` and `pixels` say what the photos are, `weights` is a file or `imagenet`."""

    rows: list[Row]
    data: str
    pixels: str | None
    weights: str
    seeds: int
    steps: int
    head_steps: int
    batch_size: int
    platform: str | None = None
    machine_type: str | None = None
    usd_per_hour: float | None = None


def run(order: Order, every: float = 0.5) -> dict[str, Any]:
    """Run it and return what is known of it; raises ExportError, ValueError, OSError."""
    seeds, outcomes = [], []
    with tempfile.TemporaryDirectory() as folder, Meter(every) as meter:
        meter.enter("start")
        from training_job.benchmark import workload

        meter.enter("read")
        workload.read_all(order.rows)
        meter.enter("")
        for seed in range(FIRST_SEED, FIRST_SEED + order.seeds):
            before = json.loads(json.dumps(meter.phases))
            plan = workload.plan_of(
                order.weights,
                seed,
                training_steps=order.steps,
                head_steps=order.head_steps,
                batch_size=order.batch_size,
            )
            outcome = workload.once(order.rows, plan, Path(folder) / str(seed), meter)
            seeds.append(seed_report(seed, outcome, spent(before, meter.phases), order))
            outcomes.append(outcome)
    return document(order, meter, seeds, outcomes)


def spent(before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Wall and CPU seconds of each phase in between."""
    none = {"wall": 0.0, "cpu": 0.0}
    gone = {
        name: {kind: round(value - before.get(name, none)[kind], 3) for kind, value in times.items()}
        for name, times in after.items()
    }
    return {name: times for name, times in gone.items() if times["wall"]}


def seed_report(seed: int, outcome: Outcome, phases: dict[str, Any], order: Order) -> dict[str, Any]:
    """Times, rates and figures of one seed."""
    answers = as_answers(outcome.answered)
    photos = order.batch_size * (order.steps + order.head_steps)
    steady = outcome.step_seconds and round(order.batch_size / outcome.step_seconds, 2)
    return {
        "seed": seed,
        "phases": phases,
        "images_per_second": {
            "train": round(photos / phases["train"]["wall"], 2),
            "train_steady": steady,
            "evaluate": round(len(answers) / phases["evaluate"]["wall"], 2),
        },
        "figures": pooled([answers]),
    }


def document(order: Order, meter: Meter, seeds: list[dict[str, Any]], outcomes: list[Outcome]) -> dict[str, Any]:
    """Everything that is written."""
    found = machine.facts()
    wall = sum(times["wall"] for times in meter.phases.values())
    return {
        "format": FORMAT,
        "at": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "platform": order.platform or found["platform"],
        "machine": found | ({"machine_type": order.machine_type} if order.machine_type else {}),
        "libraries": libraries(),
        "git_commit": git_commit(),
        "workload": workload_facts(order, outcomes[0]),
        "phases": spent({}, meter.phases),
        "seconds": round(wall, 2),
        "seeds": seeds,
        "pooled": pooled([as_answers(outcome.answered) for outcome in outcomes]),
        "cost": bill(order.usd_per_hour, found | {"machine_type": order.machine_type or found["machine_type"]}, wall),
        "samples": thinned(meter.samples),
    }


def workload_facts(order: Order, outcome: Outcome) -> dict[str, Any]:
    """What was run; equal `identity` means the same work, so that times can be compared."""
    splits = [row.split for row in order.rows]
    plan = dataclasses.asdict(outcome.plan) | {"seed": FIRST_SEED, "weights": weights_hash(order.weights)}
    facts = {
        "data": order.data,
        "rows": fingerprint(order.rows),
        "pixels": order.pixels,
        "photos": {split: splits.count(split) for split in sorted(set(splits))},
        "plan": plan,
        "seeds": order.seeds,
    }
    identity = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return {"identity": identity[:16], "synthetic": order.pixels is not None, **facts}
