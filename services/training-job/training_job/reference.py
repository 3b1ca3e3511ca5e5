"""The drift reference of a new version: what its own serving path says of the photos that set its thresholds.

Pixels are measured on training and validation photos; what the model says, on validation photos alone, since of those
that it has learned from it is surer than of any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from nevus.domain import Measurement, Modality
from nevus.drift import histogram
from nevus.imaging import decode, to_input
from nevus.measure import read_statistics
from nevus.policy import decide
from nevus.quality import measure_quality
from nevus.reference import DIRECTIONS, UNSTATED, Baseline, Group, Reference, inputs, packed
from nevus.registry import STATISTICS_FILE, Version
from nevus.skin_tone import measure_skin_tone
from training_job.data import Row
from training_job.evaluate import measure_all
from training_job.parallel import on_all_cores
from training_job.progress import steps

TRAINING_PHOTOS = 1000  # of each modality, at most
Measures = dict[str, float]


def with_reference(version: Version, rows: Sequence[Row], uncalibrated: Sequence[str], seed: int) -> bytes:
    """The version's `statistics.npz` with its reference; sources in `uncalibrated` are left out. Raises OSError."""
    used = [row for row in rows if row.source not in uncalibrated]
    val, train = [row for row in used if row.split == "val"], training_photos(used, seed)
    side = version.manifest.input.side
    with steps("drift reference", len(val) + len(train)) as step:
        measured = list(zip(val, measure_all(version, val, step), strict=True))
        pixels = list(zip(train, on_all_cores(lambda: side, pixel_measures, train, step), strict=True))
    statistics = read_statistics(version.files[STATISTICS_FILE])
    empty = Baseline(Reference(groups={}), statistics.mean, statistics.basis[:, :DIRECTIONS])
    groups = {}
    for modality in (*Modality, None):
        answers = [answered(row, found, modality, version, empty) for row, found in measured if fits(row, modality)]
        known = [found for row, found in pixels if fits(row, modality)]
        groups[modality.value if modality else UNSTATED] = group(answers, known)
    return packed(version.files[STATISTICS_FILE], Baseline(Reference(groups=groups), empty.mean, empty.directions))


def training_photos(rows: Sequence[Row], seed: int) -> list[Row]:
    """A sample of the train split, without repetition."""
    rng, found = np.random.default_rng([seed, 2]), []
    for modality in Modality:
        theirs = [row for row in rows if row.split == "train" and fits(row, modality)]
        chosen = rng.choice(len(theirs), min(TRAINING_PHOTOS, len(theirs)), replace=False)
        found += [theirs[i] for i in sorted(chosen)]
    return found


def fits(row: Row, modality: Modality | None) -> bool:
    """Whether it is in a modality's group; unstated means dermoscopic, and all are in the group of no modality."""
    return modality is None or (row.modality or Modality.DERMOSCOPIC) == modality


def pixel_measures(side: int, row: Row) -> Measures:
    """What the pixels of a photo say at the model's input."""
    pixels = to_input(decode(row.path.read_bytes(), side), side)
    return inputs(measure_quality(pixels), measure_skin_tone(pixels))


def answered(
    row: Row, found: Measurement, modality: Modality | None, version: Version, empty: Baseline
) -> tuple[Measures, str]:
    """All measures and the decision, as the service would have given them for a photo of that modality."""
    context = row.context.model_copy(update={"modality": modality})
    result = decide(found, context, version.manifest)
    return empty.observe(result, found.embedding), result.decision.value


def group(answers: Sequence[tuple[Measures, str]], pixels: Iterable[Measures]) -> Group:
    """Histograms of what was measured, and how often each decision was made."""
    values: dict[str, list[float]] = {}
    for measures in (*(measures for measures, _ in answers), *pixels):
        for name, value in measures.items():
            values.setdefault(name, []).append(value)
    decisions = Counter(decision for _, decision in answers)
    return Group(measures={name: histogram(each) for name, each in values.items()}, decisions=dict(decisions))
