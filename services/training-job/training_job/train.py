"""Transfer learning: a frozen stage for the head, then the whole network; resumable, seeded, averaged over steps.

What is averaged is the weights, exponentially (Polyak). The network sees low resolution first (progressive resizing),
learns the diagnosis beside malignancy, and is held to find its evidence on the lesion where a mask is known.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from nevus.domain import FloatArray
from nevus.imaging import to_input
from training_job.backbones import build, features_of, map_size, start_weights
from training_job.batches import Batch, Batches
from training_job.compact import CompactPhotos
from training_job.data import Row, diagnoses, open_photo, sampling_weights
from training_job.hooks import Hooks, Interrupted
from training_job.metrics import auroc
from training_job.objective import loss, schedule
from training_job.plan import Plan
from training_job.progress import columns

logging.getLogger("absl").setLevel(logging.WARNING)  # TensorFlow tells there of every file that it writes


class Trainer:
    """One run in a folder: its state, its checkpoints and its log."""

    def __init__(self, rows: list[Row], plan: Plan, folder: Path, hooks: Hooks | None = None) -> None:
        keras.utils.set_random_seed(plan.seed)
        self.plan, self.folder, self.hooks = plan, folder, hooks or Hooks()
        self.train = [row for row in rows if row.split == "train"]
        self.val = [row for row in rows if row.split == "val"]
        self.names = diagnoses(self.train)
        self.model = build(plan.backbone, None, max(1, len(self.names)))
        self.step = tf.Variable(0, dtype=tf.int64)
        self.seconds, self.cpu_seconds = (tf.Variable(0.0, dtype=tf.float64) for _ in range(2))
        self.optimizers = {
            True: keras.optimizers.AdamW(plan.head_rate),
            False: keras.optimizers.AdamW(schedule(plan), weight_decay=plan.weight_decay, global_clipnorm=1.0),
        }
        self._prepare()

    def _prepare(self) -> None:
        heads = (self.model.get_layer(name) for name in ("evidence", "logit", "diagnosis"))
        self.head = [variable for layer in heads for variable in layer.trainable_variables]
        self.whole = self.model.trainable_variables
        self.average = [tf.Variable(variable) for variable in self.whole]
        self.optimizers[True].build(self.head)
        self.optimizers[False].build(self.whole)
        checkpoint = tf.train.Checkpoint(
            model=self.model,
            head=self.optimizers[True],
            whole=self.optimizers[False],
            average=self.average,
            step=self.step,
            seconds=self.seconds,
            cpu_seconds=self.cpu_seconds,
        )
        self.checkpoints = tf.train.CheckpointManager(checkpoint, str(self.folder / "checkpoints"), max_to_keep=2)
        self._forward = tf.function(lambda images: self.model(images, training=False)["logit"], reduce_retracing=True)
        self._steps = {only_head: self._compiled(only_head) for only_head in (True, False)}

    def _compiled(self, only_head: bool) -> Any:
        variables = self.head if only_head else self.whole

        def step(batch: dict[str, Any]) -> Any:
            with tf.GradientTape() as tape:
                value = loss(self.model(batch["images"], training=True), batch, self.plan)
            self.optimizers[only_head].apply(tape.gradient(value, variables), variables)
            keep = 0.0 if only_head else self.plan.averaging
            for slot, variable in zip(self.average, self.whole, strict=True):
                slot.assign(keep * slot + (1 - keep) * variable)
            return value

        return tf.function(step, reduce_retracing=True)

    def resume(self) -> int:
        """Restore the last checkpoint, or set the starting weights; returns the step to go on from."""
        if self.checkpoints.restore_or_initialize() is None:
            start_weights(self.model, self.plan.backbone, self.plan.weights)
            for slot, variable in zip(self.average, self.whole, strict=True):
                slot.assign(variable)
        return int(self.step.numpy())

    def run(self, *, every: int = 200) -> None:
        """Train to the end of the plan, with a checkpoint and a look at the validation split every so often.

        Interrupted by a hook, it leaves a checkpoint of the step that was done.
        """
        start, sides = self.resume(), self.plan.sides
        self._clocks = time.monotonic(), time.process_time()
        with columns() as bar:
            task = bar.add_task("training", total=len(sides), completed=start, note="")
            for index, batch in enumerate(self.supply(sides, start), start=start):
                value = self.one(index, batch)
                bar.update(task, advance=1, note=f"loss {value:.3f}")
                self._tell(index + 1, value)
                if (index + 1) % every == 0 or index + 1 == len(sides):
                    self._save(index + 1, value)
        self.take_average()

    def supply(self, sides: list[int], start: int = 0) -> Iterator[Batch]:
        """Batches from `start` on, batch i at resolution sides[i], made ahead; raises OSError, ValueError."""
        batches = Batches(
            self.train,
            sampling_weights(self.train, self.plan.shares),
            self.names,
            size=self.plan.batch_size,
            seed=self.plan.seed,
            read=CompactPhotos(self.folder / "compact", self.plan.side).open,
            cells={side: map_size(self.model, side) for side in set(sides)},
        )
        return batches.stream(sides, start)

    def one(self, index: int, batch: Batch) -> float:
        """Take step `index`; returns its loss."""
        step = self._steps[index < self.plan.head_steps]
        tensors = {name: tf.convert_to_tensor(values) for name, values in asdict(batch).items()}
        return float(step(tensors))

    def _tell(self, done: int, value: float) -> None:
        try:
            self.hooks.stepped(done, value)
        except Interrupted:
            self._keep(done)
            raise

    def _keep(self, done: int) -> None:
        self.step.assign(done)
        now = time.monotonic(), time.process_time()
        for total, since, at in zip((self.seconds, self.cpu_seconds), self._clocks, now, strict=True):
            total.assign_add(at - since)
        self._clocks = now
        self.checkpoints.save(done)
        self.hooks.saved(done)

    def _save(self, done: int, value: float) -> None:
        self._keep(done)
        line: dict[str, float | int] = {"step": done, "loss": round(value, 4), "at": round(time.time())}
        if self.val and (done % self.plan.look_every == 0 or done == len(self.plan.sides)):
            line |= (found := self._look())
            self.hooks.looked(done, found)
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _look(self) -> dict[str, float]:
        """AUROC of the averaged weights on the validation split, by source."""
        held = [variable.numpy() for variable in self.whole]
        self.take_average()
        logits, labels = self.logits(self.val), np.array([row.malignant for row in self.val])
        for variable, value in zip(self.whole, held, strict=True):
            variable.assign(value)
        sources = np.array([row.source for row in self.val])
        return {
            f"auroc_{source}": round(auroc(labels[sources == source], logits[sources == source]), 4)
            for source in sorted(set(sources))
        }

    def logits(self, rows: list[Row]) -> FloatArray:
        """(n,) logits of plain, not augmented photos."""
        side = self.plan.side
        chunks = [rows[i : i + 64] for i in range(0, len(rows), 64)]
        images = (np.stack([to_input(open_photo(row), side) for row in chunk]) for chunk in chunks)
        return np.concatenate([self._forward(tf.cast(chunk, tf.float32)).numpy()[:, 0] for chunk in images])

    @property
    def network(self) -> keras.Model:
        """The backbone alone."""
        return features_of(self.model)

    def spent(self) -> dict[str, float]:
        """What the steps and looks so far took, attempts that were interrupted included up to their checkpoints."""
        seconds, cpu, images = float(self.seconds), float(self.cpu_seconds), int(self.step) * self.plan.batch_size
        return {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(cpu, 1),
            "images": images,
            "images_per_second": round(images / max(seconds, 1e-9), 2),
            "images_per_cpu_second": round(images / max(cpu, 1e-9), 2),
        }

    def take_average(self) -> None:
        """Replace the weights by their running average."""
        for slot, variable in zip(self.average, self.whole, strict=True):
            variable.assign(slot)
