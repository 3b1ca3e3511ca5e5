"""Equal retrainings pass and bad ones do not, on the real photos. Light ones: the last layer refitted on embeddings.

Each retraining draws its training photos anew (bootstrap), fits the last layer on from the shipped one, and is
calibrated on the validation photos. What the network says of each picture is worked out once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.remembered import Remembered
from tests.versions import kernel_of, publish, shipped

from nevus.adapters.files import FileStore
from nevus.domain import FloatArray, ModelRef
from nevus.registry import MODEL_FILE, Channel, Registry, Version
from training_job import constants
from training_job.calibrate import sigmoid
from training_job.data import Row, read_manifest, sampling_weights, split_by_group
from training_job.promotion.command import Promotion
from training_job.settings import Settings

pytestmark = [pytest.mark.torture, pytest.mark.timeout(3600)]
TRAINED_ON = 3000
RETRAININGS, AT_LEAST = 20, 18
STEPS, RIDGE = 15, 3.0
Doubles = NDArray[np.float64]


@dataclass
class Retrainer:
    """Fits last layers; `embeddings` (n, d) and `labels` (n,) are of the photos that are trained on."""

    embeddings: Doubles
    labels: Doubles
    weights: Doubles
    kernel: Doubles
    bias: float

    def __post_init__(self) -> None:
        p = sigmoid(self.embeddings @ self.kernel + self.bias)
        curvature = (self.embeddings * (self.weights * p * (1 - p))[:, None]).T @ self.embeddings
        self.inverse = np.linalg.inv(curvature + RIDGE * np.eye(len(self.kernel)))

    def fit(self, seed: int, labels: Doubles | None = None) -> FloatArray:
        """(d,) logistic regression on a bootstrap sample, held to the shipped layer by a ridge."""
        y, rng, found = self.labels if labels is None else labels, np.random.default_rng(seed), self.kernel.copy()
        counts = np.bincount(rng.integers(len(y), size=len(y)), minlength=len(y)) * self.weights
        for _ in range(STEPS):
            error = sigmoid(self.embeddings @ found + self.bias) - y
            found -= 0.5 * self.inverse @ (self.embeddings.T @ (counts * error) + RIDGE * (found - self.kernel))
        return found.astype(np.float32)


@dataclass
class Real:
    """The registry, the rows of the manifest, and what fits versions of it."""

    registry: Registry
    manifest: Path
    rows: list[Row]
    validation: list[Row]
    seen: FloatArray
    retrainer: Retrainer
    folder: Path

    def publish(self, name: str, kernel: FloatArray) -> ModelRef:
        """Calibrated on the validation photos; it has learned from all that the manifest trains on."""
        base = shipped(MODELS)
        modalities = constants.calibrations(self.validation, self.seen @ kernel + np.float32(base[0].cam_bias))
        made = publish(self.registry, name, base, kernel=kernel, learned=self.rows, modalities=modalities)
        return asyncio.run(made)

    def passes(self, name: str) -> list[str]:
        """The bars that the version does not meet; the pointer stays."""
        promotion = Promotion(self.registry, Settings(data_dir=self.folder), asyncio.run)
        pair = promotion.pair(name)
        assert pair is not None
        return [bar.name for bar in promotion.check(pair, str(self.manifest)).failed]


MODELS = Path(__file__).parents[2] / "models"


def prepared(manifest: Path, folder: Path, remembered: Remembered) -> Real:
    """The network looks at the photos; its champion is a retraining too."""
    base = shipped(MODELS)
    version = Version(ModelRef(name="x", version="x", sha256=""), *base)
    rows = split_by_group(read_manifest(str(manifest), folder))
    order = np.random.default_rng(0).permutation(len(rows))
    train = [rows[i] for i in order if rows[i].split == "train"][:TRAINED_ON]
    validation = [row for row in rows if row.split == "val" and row.source != "isic10k"]

    def embeddings(some: Sequence[Row]) -> FloatArray:
        return np.stack([each.embedding for each in remembered.measure_all(version, some, lambda: None)])

    kernel = kernel_of(base[1][MODEL_FILE])[0].astype(np.float64)
    labels = np.array([row.malignant for row in train], np.float64)
    weights = len(train) * sampling_weights(train, {})
    retrainer = Retrainer(embeddings(train).astype(np.float64), labels, weights, kernel, base[0].cam_bias)
    registry = Registry(FileStore(folder / "registry"))
    found = Real(registry, manifest, rows, validation, embeddings(validation), retrainer, folder)
    champion = found.publish("champion-0", retrainer.fit(0))
    asyncio.run(registry.point(Channel.CHAMPION, champion, if_generation=0))
    return found


@pytest.fixture(scope="module")
def remembered() -> Remembered:
    return Remembered()


@pytest.fixture(scope="module")
def real(real_manifest: Path, tmp_path_factory: pytest.TempPathFactory, remembered: Remembered) -> Real:
    return prepared(real_manifest, tmp_path_factory.mktemp("real"), remembered)


def test_of_twenty_equal_retrainings_eighteen_pass(
    real: Real, remembered: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered.put_in(monkeypatch)
    failed = {}
    for seed in range(1, RETRAININGS + 1):
        real.publish(f"equal-{seed}", real.retrainer.fit(seed))
        failed[seed] = real.passes(f"equal-{seed}")
    assert sum(not bars for bars in failed.values()) >= AT_LEAST, failed


def test_shuffled_labels_are_refused(real: Real, remembered: Remembered, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered.put_in(monkeypatch)
    labels = np.random.default_rng(0).permutation(real.retrainer.labels)
    unlearned = Retrainer(
        real.retrainer.embeddings, labels, real.retrainer.weights, np.zeros_like(real.retrainer.kernel), 0.0
    )
    real.publish("shuffled", unlearned.fit(1))
    assert "auroc, all photos" in real.passes("shuffled")
