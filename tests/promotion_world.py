"""A registry and a guard set for checks of promotion, and versions that are good or bad in one way each."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from tests.photos import draw_lesion
from tests.remembered import Remembered
from tests.versions import kernel_of, publish, shipped

from nevus.adapters.files import FileStore
from nevus.domain import FloatArray, ModelRef
from nevus.imaging import to_input
from nevus.measure import Measurer
from nevus.registry import MODEL_FILE, Channel, Manifest, Registry, Version
from nevus.verdicts import Verdict
from training_job import constants
from training_job.data import Row, open_photo, read_manifest
from training_job.evidence.drawing import ink
from training_job.metrics import auroc
from training_job.promotion.policy import SHIPPED

PHOTOS = 96
SITES = ("arm", "back")
Base = tuple[Manifest, dict[str, bytes]]


@dataclass
class World:
    """`kernel` is the champion's last layer; `embeddings` (n, d) are those of the guard set's `rows`."""

    folder: Path
    base: Base
    rows: list[Row]
    kernel: FloatArray
    embeddings: FloatArray
    remembered: Remembered

    def __post_init__(self) -> None:
        self.registry = Registry(FileStore(self.folder / "registry"))

    @property
    def labels(self) -> FloatArray:
        """(n,) 1 for malignant."""
        return np.array([row.malignant for row in self.rows], np.float32)

    def logits(self, kernel: FloatArray) -> FloatArray:
        """(n,) of the guard set."""
        return np.asarray(self.embeddings @ kernel + self.base[0].cam_bias)

    def publish(
        self, name: str, kernel: FloatArray, *, learned: Sequence[Row] | None, calibrated: bool = True
    ) -> ModelRef:
        """A version of that last layer, calibrated anew unless it keeps the champion's constants."""
        modalities = constants.calibrations(self.rows, self.logits(kernel)) if calibrated else None
        made = publish(self.registry, name, self.base, kernel=kernel, learned=learned, modalities=modalities)
        return asyncio.run(made)

    def point(self, channel: Channel, ref: ModelRef) -> None:
        """Move a channel, whatever it points at."""
        key = self.folder / f"registry/channels/{channel.value}.json"
        generation = key.stat().st_mtime_ns if key.is_file() else 0
        asyncio.run(self.registry.point(channel, ref, if_generation=generation))

    def champion(self) -> str:
        """The version that the channel points at."""
        return asyncio.run(self.registry.resolve(Channel.CHAMPION)).version

    def verdict(self, version: str) -> Verdict:
        """The one on a version against the champion."""
        champion = asyncio.run(self.registry.resolve(Channel.CHAMPION))
        found = asyncio.run(self.registry.verdict(champion, asyncio.run(self.registry.by_version(version))))
        assert found is not None
        return found

    @contextmanager
    def at_chance(self, version: str, site: str) -> Iterator[None]:
        """The version answers photos of one site in an order that has nothing to do with them."""
        sha256 = asyncio.run(self.registry.by_version(version)).sha256
        self.remembered.shuffled[sha256] = lambda row: row.site == site
        yield
        del self.remembered.shuffled[sha256]

    def towards_marks(self) -> FloatArray:
        """(d,) the mean step of an embedding when ink is drawn on a photo."""
        measurer = Measurer(Version(ModelRef(name="x", version="x", sha256=""), *self.base))
        rng, side = np.random.default_rng(5), self.base[0].input.side
        marked = [ink(open_photo(row), rng) for row in self.rows[:24]]
        found = [measurer.measure_pixels(to_input(photo, side)).embedding for photo in marked]
        return np.asarray((np.stack(found) - self.embeddings[:24]).mean(axis=0))

    def worse(self, by: float) -> FloatArray:
        """(d,) a last layer whose AUROC is lower by so much, and little more."""
        rng = np.random.default_rng(3)
        step = rng.normal(size=len(self.kernel)).astype(np.float32)
        step *= float(np.std(self.logits(self.kernel)) / np.std(self.embeddings @ step))
        best = auroc(self.labels.astype(int), self.logits(self.kernel))
        for size in np.linspace(0.02, 3, 150):
            kernel = np.asarray(self.kernel + np.float32(size) * step)
            if best - auroc(self.labels.astype(int), self.logits(kernel)) >= by:
                return kernel
        raise AssertionError("no step makes it worse by that")


def drawn_world(folder: Path, models_dir: Path) -> World:
    """Drawn photos that are malignant where the shipped model's logit, not always, is high; a champion for them."""
    base, remembered = shipped(models_dir), Remembered()
    names = [f"{number}.jpg" for number in range(PHOTOS)]
    for number, name in enumerate(names):
        draw_lesion((120, 90), number).save(folder / name)
    plain = [Row(name, folder / name, 0, modality="clinical", split="test") for name in names]
    version = Version(ModelRef(name="x", version="x", sha256=""), *base)
    embeddings = np.stack([each.embedding for each in remembered.measure_all(version, plain, lambda: None)])
    kernel, _ = kernel_of(base[1][MODEL_FILE])
    logits = embeddings @ kernel
    noisy = logits + np.random.default_rng(1).normal(0, 0.6 * logits.std(), PHOTOS)
    malignant = (noisy > np.median(noisy)).astype(int)
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "malignant", "modality", "split", "group_id", "site"))
        for number, name in enumerate(names):
            table.writerow((name, malignant[number], "clinical", "test", f"g{number}", SITES[number % 2]))
    rows = read_manifest(str(folder / "manifest.csv"), folder)
    calibrated = base[0].model_copy(update={"modalities": constants.calibrations(rows, logits + base[0].cam_bias)})
    return World(folder, (calibrated, base[1]), rows, kernel, embeddings, remembered)


def small_policy(path: Path) -> Path:
    """The shipped policy, measured on less."""
    policy = yaml.safe_load(SHIPPED.read_bytes())
    policy["version"] = "1-small"
    policy["protocol"] |= {"resamples": 200, "altered_photos": 48, "timed_photos": 5, "fewest_calibrated": 20}
    path.write_text(yaml.safe_dump(policy))
    return path


def learned_rows(world: World, *, of_guard: int = 0) -> list[Row]:
    """Rows of a training that saw some of the guard set."""
    folder = world.folder / "learned"
    folder.mkdir(exist_ok=True)
    own = []
    for number in range(6):
        path = folder / f"{number}.jpg"
        if not path.is_file():
            draw_lesion((120, 90), 1000 + number).save(path)
        own.append(Row(path.name, path, number % 2, group_id=f"own{number}", split="train"))
    return own + [replace(row, split="train") for row in world.rows[:of_guard]]
