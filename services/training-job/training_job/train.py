"""Transfer learning: a frozen stage for the head, then the whole network; resumable, seeded, averaged over steps.

What is averaged is the weights, exponentially (Polyak). The network sees low resolution first (progressive resizing),
learns the diagnosis beside malignancy, and is held to find its evidence on the lesion where a mask is known.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from nevus.domain import FloatArray
from nevus.imaging import SIDE, to_input
from training_job.backbones import build, start_weights
from training_job.batches import UNKNOWN, Batch, Batches
from training_job.data import Row, diagnoses, fingerprint, open_photo, sampling_weights
from training_job.hooks import Hooks, Interrupted
from training_job.metrics import auroc
from training_job.progress import columns

logging.getLogger("absl").setLevel(logging.WARNING)  # TensorFlow tells there of every file that it writes


@dataclass(frozen=True)
class Plan:
    """Everything that decides the outcome of a run, beside the data."""

    weights: str
    steps: int = 4800
    head_steps: int = 150
    batch_size: int = 32
    side: int = SIDE
    first_side: int = 192
    first_share: float = 0.5
    rate: float = 3e-4
    head_rate: float = 3e-3
    weight_decay: float = 0.02
    averaging: float = 0.998
    smoothing: float = 0.04
    diagnosis_weight: float = 0.3
    evidence_weight: float = 0.3
    look_every: int = 1000
    seed: int = 7
    shares: dict[str, float] = field(default_factory=lambda: {"ham10000": 0.45, "isic10k": 0.30, "pad_ufes_20": 0.25})

    @property
    def sides(self) -> list[int]:
        """Resolution of each step."""
        head = [self.first_side] * self.head_steps
        first = round(self.steps * self.first_share)
        return head + [self.first_side] * first + [self.side] * (self.steps - first)


def schedule(plan: Plan) -> keras.optimizers.schedules.LearningRateSchedule:
    """A short warm-up, then a cosine down to almost nothing."""
    warm = max(1, plan.steps // 20)
    return keras.optimizers.schedules.CosineDecay(
        plan.rate / 20, max(1, plan.steps - warm), alpha=0.01, warmup_target=plan.rate, warmup_steps=warm
    )


def loss(outputs: dict[str, Any], batch: dict[str, Any], plan: Plan) -> Any:
    """Cross entropy of malignancy, of the diagnosis where known, and the share of evidence away from the lesion."""
    target = batch["malignant"] * (1 - 2 * plan.smoothing) + plan.smoothing
    malignant = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, outputs["logit"]))
    known = tf.cast(batch["diagnosis"] != UNKNOWN, tf.float32)
    label = tf.maximum(batch["diagnosis"], 0)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(label, outputs["diagnosis"])
    evidence = tf.abs(outputs["cam"])
    total = tf.reduce_sum(evidence, axis=(1, 2)) + 0.1 * float(plan.side / 32) ** 2
    away = tf.reduce_sum(evidence * batch["outside"], axis=(1, 2)) / total
    return (
        malignant
        + plan.diagnosis_weight * _mean_where(entropy, known)
        + plan.evidence_weight * _mean_where(away, batch["masked"])
    )


def _mean_where(values: Any, known: Any) -> Any:
    return tf.reduce_sum(values * known) / tf.maximum(tf.reduce_sum(known), 1.0)


class Trainer:
    """One run in a folder: its state, its checkpoints and its log."""

    def __init__(self, rows: list[Row], plan: Plan, folder: Path, hooks: Hooks | None = None) -> None:
        keras.utils.set_random_seed(plan.seed)
        self.plan, self.folder, self.hooks = plan, folder, hooks or Hooks()
        self.train = [row for row in rows if row.split == "train"]
        self.val = [row for row in rows if row.split == "val"]
        self.names = diagnoses(self.train)
        self.model = build(None, max(1, len(self.names)))
        self.step = tf.Variable(0, dtype=tf.int64)
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
            start_weights(self.model, self.plan.weights)
            for slot, variable in zip(self.average, self.whole, strict=True):
                slot.assign(variable)
        return int(self.step.numpy())

    def run(self, *, every: int = 200) -> None:
        """Train to the end of the plan, with a checkpoint and a look at the validation split every so often.

        Interrupted by a hook, it leaves a checkpoint of the step that was done.
        """
        start, sides = self.resume(), self.plan.sides
        batches = Batches(
            self.train,
            sampling_weights(self.train, self.plan.shares),
            self.names,
            size=self.plan.batch_size,
            seed=self.plan.seed,
        )
        with columns() as bar:
            task = bar.add_task("training", total=len(sides), completed=start, note="")
            for index, batch in enumerate(batches.stream(sides, start), start=start):
                value = self._one(index, batch)
                bar.update(task, advance=1, note=f"loss {value:.3f}")
                self._tell(index + 1, value)
                if (index + 1) % every == 0 or index + 1 == len(sides):
                    self._save(index + 1, value)
        self.take_average()

    def _one(self, index: int, batch: Batch) -> float:
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
        self.checkpoints.save(done)
        self.hooks.saved(done)

    def _save(self, done: int, value: float) -> None:
        self._keep(done)
        line: dict[str, float | int] = {"step": done, "loss": round(value, 4), "at": round(time.time())}
        if self.val and (done % self.plan.look_every == 0 or done == len(self.plan.sides)):
            line |= (found := self._look())
            self.hooks.looked(found)
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

    def take_average(self) -> None:
        """Replace the weights by their running average."""
        for slot, variable in zip(self.average, self.whole, strict=True):
            variable.assign(slot)


def run_folder(rows: list[Row], plan: Plan, runs: Path) -> Path:
    """The folder of a run, named by its plan and data, so that the same command resumes it."""
    text = json.dumps([asdict(plan), fingerprint(rows)], sort_keys=True)
    folder = runs / hashlib.sha256(text.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(asdict(plan), indent=1))
    return folder
