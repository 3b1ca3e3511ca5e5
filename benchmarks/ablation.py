"""What each part of the recipe is worth: short trainings that differ in one thing, judged on the validation photos.

    .venv/training/bin/python -m benchmarks.ablation manifest.csv --weights mobilenet_v2=FILE.pth --out ablation.jsonl

Every training takes 60 steps of the head and 500 of the whole network, 32 photos each at 160 pixels, on one thread.
A line of JSON is added to `--out`. "distilled" learns, by halves, from the labels and from what `--teacher` (a
model.tflite of 224 pixels) says of the photo as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nevus.adapters.litert import LitertModel
from nevus.domain import FloatArray
from nevus.imaging import SIDE, to_input
from training_job import augment, data, objective, train
from training_job.batches import Batch
from training_job.calibrate import sigmoid
from training_job.data import Row, open_photo, read_manifest
from training_job.metrics import auroc
from training_job.plan import Plan

SHORT = Plan(weights="", steps=500, head_steps=60, side=160, first_side=160, averaging=0.99)
SPARED = 4  # of ISIC's validation photos, every fourth is enough
Mixing = Callable[[Batch, np.random.Generator], Batch]


@dataclass(frozen=True)
class Variant:
    """One change: fields of the plan, how a batch is mixed, what the loss is, how photos are altered."""

    plan: dict[str, Any] = field(default_factory=dict)
    mixing: Mixing | None = None
    loss: Callable[..., Any] = objective.loss
    altering: dict[str, Callable[..., Any]] = field(default_factory=dict)
    pretrained: bool = True
    taught: bool = False


def mixup(batch: Batch, rng: np.random.Generator) -> Batch:
    """Half of the batches with every photo blended with another by a weight of Beta(0.2, 0.2) (Zhang et al., 2018)."""
    if rng.random() < 0.5:
        return batch
    weight, others = max(share := rng.beta(0.2, 0.2), 1 - share), rng.permutation(len(batch.images))

    def blended(values: FloatArray) -> FloatArray:
        return np.asarray(weight * values + (1 - weight) * values[others], np.float32)

    return replace(batch, images=blended(batch.images), malignant=blended(batch.malignant))


def in_two_orientations(batch: Batch, rng: np.random.Generator) -> Batch:
    """Half of the photos, each as it is and turned or mirrored."""
    half, turn = len(batch.images) // 2, int(rng.integers(1, 8))

    def turned(values: FloatArray) -> FloatArray:
        values = values[:, :, ::-1] if turn >= 4 else values
        return np.ascontiguousarray(np.rot90(values, turn % 4, axes=(1, 2)))

    def twice(values: Any, change: Callable[[Any], Any] = lambda same: same) -> Any:
        return np.concatenate([values[:half], change(values[:half])])

    return Batch(
        twice(batch.images, turned), twice(batch.malignant), twice(batch.diagnosis),
        twice(batch.outside, turned), twice(batch.masked),
    )  # fmt: skip


def focal(outputs: dict[str, Any], batch: dict[str, Any], plan: Plan) -> Any:
    """With a focusing parameter of 2 (Lin et al., ICCV 2017), scaled to the same size at a probability of a half."""
    target = batch["malignant"] * (1 - 2 * plan.smoothing) + plan.smoothing
    plain = tf.nn.sigmoid_cross_entropy_with_logits(target, outputs["logit"])
    wrong = tf.abs(tf.stop_gradient(tf.sigmoid(outputs["logit"])) - target)
    return objective.loss(outputs, batch, plan) + tf.reduce_mean(plain * (4 * wrong**2 - 1))


def consistent(outputs: dict[str, Any], batch: dict[str, Any], plan: Plan) -> Any:
    """And both orientations of a photo are to have the same logit."""
    one, other = tf.unstack(tf.reshape(outputs["logit"], (2, -1)))
    return objective.loss(outputs, batch, plan) + 0.3 * tf.reduce_mean((one - other) ** 2)


def as_it_is(image: Any, *_: Any) -> Any:
    """No change."""
    return image


PLAIN = {
    **dict.fromkeys(("_degrade", "shift_skin", "_vignette", "_hide_surroundings"), as_it_is),
    **dict.fromkeys(("_hair", "_ruler", "_ink"), lambda *_: None),
}
VARIANTS = {
    "the recipe": Variant(),
    "another seed": Variant({"seed": 8}),
    "EfficientNet-Lite0": Variant({"backbone": "efficientnet_lite0"}),
    "EfficientNet-Lite2": Variant({"backbone": "efficientnet_lite2"}),
    "random start": Variant(pretrained=False),
    "224 pixels": Variant({"side": 224, "first_side": 224}),
    "without the ISIC set": Variant({"shares": {"ham10000": 0.72, "pad_ufes_20": 0.28}}),
    "HAM10000 alone": Variant({"shares": {"ham10000": 1.0}}),
    "no degradation, marks or skin tones": Variant(altering=PLAIN),
    "diagnosis weighs 1.0, not 0.3": Variant({"diagnosis_weight": 1.0}),
    "no evidence penalty": Variant({"evidence_weight": 0.0}),
    "no label smoothing": Variant({"smoothing": 0.0}),
    "no averaging of weights": Variant({"averaging": 0.0}),
    "focal loss": Variant(loss=focal),
    "mixup": Variant(mixing=mixup),
    "distilled": Variant(taught=True),
    "orientations held together": Variant(mixing=in_two_orientations, loss=consistent),
}


class Ablation(train.Trainer):
    """A training whose batches may be mixed."""

    mixing: Mixing | None = None

    def supply(self, sides: list[int], start: int = 0) -> Iterator[Batch]:
        """As always, and then mixed."""
        rng = np.random.default_rng(self.plan.seed)
        for batch in super().supply(sides, start):
            yield self.mixing(batch, rng) if self.mixing else batch


def softened(rows: Sequence[Row], teacher: Path) -> list[Row]:
    """With labels half way to the teacher's probability."""
    model = LitertModel(teacher.read_bytes())
    logits = np.array([model.run(to_input(open_photo(row), SIDE)).logit for row in rows])
    labels = 0.5 * (np.array([row.malignant for row in rows]) + sigmoid(logits))
    return [replace(row, malignant=label) for row, label in zip(rows, labels, strict=True)]


def trained(rows: list[Row], variant: Variant, weights: dict[str, str], folder: Path, teacher: Path | None) -> Ablation:
    """Train one variant to its end."""
    plan = replace(SHORT, **variant.plan)
    plan = replace(plan, weights=weights.get(plan.backbone, "imagenet"))
    train.loss = variant.loss
    for name, change in variant.altering.items():
        setattr(augment, name, change)
    if not variant.pretrained:
        train.start_weights = as_it_is
    trainer = Ablation([row for row in rows if row.split == "train" and row.source in plan.shares], plan, folder)
    trainer.mixing = variant.mixing
    if variant.taught and teacher:
        drawn = data.sampling_weights(trainer.train, plan.shares)
        train.sampling_weights = lambda *_: drawn
        trainer.train = softened(trainer.train, teacher)
    trainer.run(every=10**6)
    return trainer


def judged(trainer: Ablation, rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """AUROC on validation photos by source: of the photo, and of the mean of its four quarter turns."""
    photos = [to_input(open_photo(row), trainer.plan.side) for row in rows]
    turned = ([np.ascontiguousarray(np.rot90(photo, turn)) for photo in photos] for turn in range(4))
    logits = np.array([logits_of(trainer, each) for each in turned])
    sources, labels = np.array([row.source for row in rows]), np.array([row.malignant for row in rows])
    return {
        source: {
            "one view": round(auroc(labels[there], logits[0, there]), 4),
            "four views": round(auroc(labels[there], logits[:, there].mean(axis=0)), 4),
        }
        for source in sorted(set(sources))
        for there in [sources == source]
    }


def logits_of(trainer: Ablation, photos: Sequence[Any]) -> FloatArray:
    """(n,) of pixels."""
    chunks = (np.stack(photos[i : i + 64]) for i in range(0, len(photos), 64))
    return np.concatenate([trainer._forward(tf.cast(chunk, tf.float32)).numpy()[:, 0] for chunk in chunks])


def main() -> None:
    """Train and judge one variant a process: what one changes, the next does not find."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest")
    parser.add_argument("--weights", action="append", default=[], help="BACKBONE=FILE")
    parser.add_argument("--only", choices=VARIANTS, required=True)
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if VARIANTS[given.only].taught and not given.teacher:
        parser.error(f"{given.only}: name a --teacher")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        rows = read_manifest(given.manifest, Path(temporary))
        spent = time.process_time()
        weights = dict(each.split("=", 1) for each in given.weights)
        trainer = trained(rows, VARIANTS[given.only], weights, Path(temporary), given.teacher)
        spent = time.process_time() - spent
        val = [row for row in rows if row.split == "val"]
        isic = [row for row in val if row.source == "isic10k"]
        judges = [row for row in val if row.source != "isic10k"] + isic[::SPARED]
        found = {"variant": given.only, "auroc": judged(trainer, judges), "cpu_seconds": round(spent)}
    with given.out.open("a") as file:
        file.write(json.dumps(found) + "\n")
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
