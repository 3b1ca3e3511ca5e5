"""Versions that differ in their last layer alone, measured with one pass of the network over each picture.

What is remembered is the whole measurement of the version that was asked first; another version's logit is worked out
from the embedding, everything else (decoding, drawing, quality, distance) being the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest
from tests.versions import kernel_of

from nevus.domain import FloatArray, Measurement
from nevus.imaging import to_input
from nevus.measure import Measurer
from nevus.registry import MODEL_FILE, Version
from training_job import evaluate
from training_job.data import Row
from training_job.evaluate import Answered, answer, photo_bytes
from training_job.evidence import overlays, unfamiliar
from training_job.evidence.altering import Picture
from training_job.evidence.figures import drop
from training_job.parallel import on_all_cores
from training_job.progress import Step
from training_job.promotion import measuring

Pictures = Callable[[Row], Iterable[Picture]]


@dataclass
class Remembered:
    """Stands in for the passes that a check makes."""

    photos: dict[tuple[str, str], Measurement] = field(default_factory=dict)
    pictures: dict[tuple[str, str], list[tuple[str, Measurement]]] = field(default_factory=dict)
    kernels: dict[str, FloatArray] = field(default_factory=dict)
    shuffled: dict[str, Callable[[Row], bool]] = field(default_factory=dict)

    def measure_all(
        self, version: Version, rows: Sequence[Row], step: Step, source: Callable[[Row], bytes] = photo_bytes
    ) -> Iterator[Measurement]:
        """As `evaluate.measure_all`."""
        new = [row for row in rows if (source.__name__, row.file) not in self.photos]
        found = on_all_cores(lambda: Measurer(version), lambda m, row: m.measure(source(row)), new, step)
        self.photos |= {(source.__name__, row.file): each for row, each in zip(new, found, strict=True)}
        return iter(self.mixed(version, rows, [self.photos[source.__name__, row.file] for row in rows]))

    def mixed(self, version: Version, rows: Sequence[Row], found: list[Measurement]) -> list[Measurement]:
        """As read, the answers to the rows of a version's shuffled group in another order."""
        read = [self.read(version, each) for each in found]
        chosen = self.shuffled.get(version.ref.sha256)
        places = [i for i, row in enumerate(rows) if chosen and chosen(row)]
        order = np.random.default_rng(0).permutation(places)
        logits = {i: read[j].logit for i, j in zip(places, order.tolist(), strict=True)}
        return [replace(each, logit=logits.get(i, each.logit)) for i, each in enumerate(read)]

    def answers_to(
        self, version: Version, rows: Sequence[Row], pictures: Pictures, title: str
    ) -> dict[str, list[Answered]]:
        """As `evidence.altering.answers_to`."""
        side = version.manifest.input.side

        def one(measurer: Measurer, row: Row) -> list[tuple[str, Measurement]]:
            return [(name, measurer.measure_pixels(to_input(picture, side))) for name, picture in pictures(row)]

        new = [row for row in rows if (title, row.file) not in self.pictures]
        found = on_all_cores(lambda: Measurer(version), one, new, lambda: None)
        self.pictures |= {(title, row.file): each for row, each in zip(new, found, strict=True)}
        answered: dict[str, list[Answered]] = {}
        for row in rows:
            for name, each in self.pictures[title, row.file]:
                answered.setdefault(name, []).append(answer(row, self.read(version, each), version))
        return answered

    def read(self, version: Version, measurement: Measurement) -> Measurement:
        """As this version would have measured it."""
        if version.ref.sha256 not in self.kernels:
            self.kernels[version.ref.sha256] = kernel_of(version.files[MODEL_FILE])[0]
        logit = float(self.kernels[version.ref.sha256] @ measurement.embedding) + version.manifest.cam_bias
        return replace(measurement, logit=logit, model=version.ref)

    def put_in(self, monkeypatch: pytest.MonkeyPatch, draws: int | None = None) -> None:
        """In the place of the passes themselves; with `draws` bootstrap samples for the intervals of marks and OOD."""
        if draws:
            monkeypatch.setattr(overlays, "drop", partial(drop, rounds=draws))
            monkeypatch.setattr(unfamiliar, "RESAMPLES", draws)
        for module in (evaluate, measuring):
            monkeypatch.setattr(module, "measure_all", self.measure_all)
        for module in (overlays, unfamiliar):
            monkeypatch.setattr(module, "answers_to", self.answers_to)
