"""Where the time of a training step goes, against the bare forward and backward pass of the same network.

    .venv/training/bin/python -m benchmarks.training_speed manifest.csv --backbone mobilenet_v2

CPU seconds are of the whole process; `training` draws and alters its photos as a run does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from training_job.backbones import find
from training_job.batches import Batches
from training_job.compact import CompactPhotos
from training_job.data import Row, read_manifest, sampling_weights
from training_job.plan import Plan
from training_job.train import Trainer

SLOW_START = 2


def timed(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    for _ in range(SLOW_START):
        work()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        work()
    return (time.perf_counter() - wall) / rounds, (time.process_time() - cpu) / rounds


def bare(network: keras.Model, side: int, size: int) -> Callable[[], object]:
    """Forward, backward and one update, on photos that are there already."""
    optimizer = keras.optimizers.AdamW(1e-6)
    variables = network.trainable_variables
    optimizer.build(variables)
    photos = tf.random.uniform((size, side, side, 3))

    @tf.function  # type: ignore[untyped-decorator]
    def step() -> Any:
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(network(photos, training=False))
        optimizer.apply(tape.gradient(value, variables), variables)
        return value

    def call() -> object:
        return step().numpy()

    return call


def looped(trainer: Trainer, rounds: int) -> Callable[[], object]:
    """Whole steps of training, with photos that are drawn and altered ahead."""
    stream = trainer.supply([trainer.plan.side] * (rounds + SLOW_START))
    steps: Iterator[object] = (trainer.one(trainer.plan.head_steps, batch) for batch in stream)
    return lambda: next(steps)


def drawn(rows: list[Row], plan: Plan, folder: Path, rounds: int) -> Callable[[], object]:
    """Batches alone, on one thread."""
    batches = Batches(
        rows,
        sampling_weights(rows, plan.shares),
        (),
        size=plan.batch_size,
        seed=plan.seed,
        cells={plan.side: plan.side // 32},
        read=CompactPhotos(folder, plan.side).open,
    )
    numbers = iter(range(rounds + SLOW_START))
    return lambda: batches.batch(next(numbers), plan.side)


def main() -> None:
    """Print one line a part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest")
    parser.add_argument("--backbone", default="mobilenet_v2")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = read_manifest(given.manifest, folder)
        plan = Plan(weights="", backbone=given.backbone, side=given.side)
        trainer = Trainer(rows, plan, folder)
        parts = {
            "bare, batch norms as layers": bare(find(given.backbone).network(None), given.side, plan.batch_size),
            "bare": bare(trainer.network, given.side, plan.batch_size),
            "photos alone": drawn(trainer.train, plan, folder / "compact", given.rounds),
            "training": looped(trainer, given.rounds),
        }
        print(f"{given.backbone} at {given.side} px, {plan.batch_size} photos a step, {given.rounds} steps each")
        for name, work in parts.items():
            wall, cpu = timed(work, given.rounds)
            print(f"{name:30} {wall:6.2f} s wall {cpu:6.2f} s CPU {plan.batch_size / wall:6.1f} photos/s")


if __name__ == "__main__":
    main()
