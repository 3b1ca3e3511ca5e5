"""Evaluate a version as it is served: LiteRT, the serving path of a photo, the decision of `nevus.policy`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nevus.domain import Measurement
from nevus.measure import Measurer
from nevus.policy import DEFAULT_POINT, cautious_reading, decide
from nevus.registry import Version
from nevus.skin_tone import ita_band, skin_type
from training_job.data import SUBGROUPS, Row, shared_groups
from training_job.metrics import RESAMPLES, Answers, auroc, interval, resampled, rounded, specificity_at, with_intervals
from training_job.parallel import on_all_cores
from training_job.progress import Step, steps
from training_job.shortcuts import border_only, without_lesion
from training_job.skin_types import skin_tone_report

MASKED_FEWEST = 20
SUBGROUP_RESAMPLES = 300
ESTIMATED = ("fst_estimate", "ita_band")


@dataclass(frozen=True)
class Answered:
    """What a version said of one photo; `probability` is there even when the photo is rejected."""

    row: Row
    probability: float
    thresholds: dict[str, float]
    decision: str
    ood: float
    ita: float | None = None

    @property
    def fst_estimate(self) -> str:
        """Skin type that the photo suggests; empty where it suggests none."""
        return "" if self.ita is None else str(skin_type(self.ita))

    @property
    def ita_band(self) -> str:
        """Colour group of the skin in the photo; empty where it cannot be measured."""
        return "" if self.ita is None else ita_band(self.ita)


def photo_bytes(row: Row) -> bytes:
    """The photo as a client would send it."""
    return row.path.read_bytes()


def measure_all(
    version: Version, rows: Sequence[Row], step: Step, source: Callable[[Row], bytes] = photo_bytes
) -> Iterator[Measurement]:
    """Measure photos in order, as the inference service would; raises Unprocessable, OSError."""
    return on_all_cores(lambda: Measurer(version), lambda measurer, row: measurer.measure(source(row)), rows, step)


def answer(row: Row, measurement: Measurement, version: Version) -> Answered:
    """Decide on a photo with what its row says of it."""
    result = decide(measurement, row.context, version.manifest)
    modality, logit = row.context.modality, measurement.logit
    names = [point.name for point in next(iter(version.manifest.modalities.values())).operating_points]
    readings = {name: cautious_reading(logit, modality, version.manifest, name) for name in names}
    return Answered(
        row=row,
        probability=readings[DEFAULT_POINT].probability,
        thresholds={name: reading.point.threshold for name, reading in readings.items()},
        decision=result.decision.value,
        ood=measurement.ood_score,
        ita=measurement.skin_tone.ita,
    )


def chosen_rows(rows: Sequence[Row], split: str) -> list[Row]:
    """The rows of a split without leaks; all rows where the manifest names no splits."""
    named = any(row.split for row in rows)
    return [row for row in rows if not row.leak and (not named or row.split == split)]


def as_answers(answered: Sequence[Answered]) -> Answers:
    """Columns for the metrics."""
    points = answered[0].thresholds if answered else {}
    groups = [each.row.source + "/" + (each.row.group_id or each.row.file) for each in answered]
    return Answers(
        labels=np.array([each.row.malignant for each in answered], int),
        probabilities=np.array([each.probability for each in answered], float),
        thresholds={name: np.array([each.thresholds[name] for each in answered]) for name in points},
        decisions=np.array([each.decision for each in answered], str),
        groups=np.array(groups, str),
    )


def report(answered: Sequence[Answered]) -> dict[str, Any]:
    """All figures at both operating points, overall and per value of every subgroup column."""
    answers = as_answers(answered)
    decisions = {str(name): int(n) for name, n in zip(*np.unique(answers.decisions, return_counts=True), strict=True)}
    return {
        "operating_point": DEFAULT_POINT,
        "overall": with_intervals(answers, DEFAULT_POINT),
        "decisions": decisions,
        "subgroups": {column: by_value(answered, answers, column) for column in (*SUBGROUPS, *ESTIMATED)},
        "skin_tone": skin_tone(answered),
    }


def skin_tone(answered: Sequence[Answered]) -> dict[str, Any] | None:
    """The type that photos suggest against the recorded one; None where none is recorded."""
    recorded = [each for each in answered if each.row.fitzpatrick]
    known = [(each, each.ita) for each in recorded if each.ita is not None]
    found = skin_tone_report(
        [int(each.row.fitzpatrick) for each, _ in known],
        [ita for _, ita in known],
        [skin_type(ita) for _, ita in known],
        as_answers([each for each, _ in known]).groups,
    )
    return found and {**found, "unmeasured": len(recorded) - len(known)}


def by_value(answered: Sequence[Answered], answers: Answers, column: str) -> dict[str, Any]:
    """Figures per value of a column, recorded or estimated."""
    values = np.array([str(getattr(each if column in ESTIMATED else each.row, column)) for each in answered])
    names = [str(name) for name in np.unique(values) if name]
    return {
        name: with_intervals(answers.take(values == name), DEFAULT_POINT, resamples=SUBGROUP_RESAMPLES)
        for name in names
    }


def masked_report(version: Version, answered: Sequence[Answered], step: Step) -> dict[str, Any] | None:
    """AUROC on the same photos with and without their lesion, and how many of the latter are told `routine`."""
    with_mask = [each for each in answered if each.row.mask]
    if len(with_mask) < MASKED_FEWEST:
        return None
    rows = [each.row for each in with_mask]
    measured = measure_all(version, rows, step, without_lesion)
    hidden = [answer(row, measurement, version) for row, measurement in zip(rows, measured, strict=True)]
    seen, masked = as_answers(with_mask), as_answers(hidden)
    pairs = [
        (auroc(seen.labels[i], seen.probabilities[i]), auroc(masked.labels[i], masked.probabilities[i]))
        for i in resampled(seen.groups, RESAMPLES, 0)
    ]
    values = auroc(seen.labels, seen.probabilities), auroc(masked.labels, masked.probabilities)
    return {
        "n": len(rows),
        "auroc_unmasked": {"value": rounded(values[0]), "interval": interval([a for a, _ in pairs])},
        "auroc_masked": {"value": rounded(values[1]), "interval": interval([b for _, b in pairs])},
        "difference": {"value": rounded(values[0] - values[1]), "interval": interval([a - b for a, b in pairs])},
        "share_routine": rounded(float((masked.decisions == "routine").mean())),
        "share_routine_unmasked": rounded(float((seen.decisions == "routine").mean())),
    }


def border_report(rows: Sequence[Row], answered: Sequence[Answered]) -> dict[str, Any]:
    """Per source: what the border alone can tell, trained on the source's own train split."""
    found: dict[str, Any] = {}
    for source in sorted({each.row.source for each in answered}):
        train = [row for row in rows if row.source == source and row.split == "train"]
        test = [each.row for each in answered if each.row.source == source]
        labels = np.array([row.malignant for row in test])
        if len({row.malignant for row in train}) < 2 or not 0 < labels.sum() < len(labels):
            continue
        p = border_only(train, test)
        found[source] = {
            "auroc": rounded(auroc(labels, p)),
            "accuracy": rounded(float(((p >= 0.5) == (labels == 1)).mean())),
            "specificity_at_95_sensitivity": rounded(specificity_at(0.95, labels, p)),
        }
    return found


def run(version: Version, rows: Sequence[Row], *, split: str, shortcuts: bool) -> tuple[dict[str, Any], list[Answered]]:
    """The report and one answer a photo; with `shortcuts` also what can be told without the lesion.

    Raises ValueError when there is nothing to evaluate on, Unprocessable, OSError.
    """
    used = chosen_rows(rows, split)
    if not used:
        raise ValueError(f"there are no photos in the split {split!r}")
    with steps("evaluating", len(used)) as step:
        answered = [answer(row, m, version) for row, m in zip(used, measure_all(version, used, step), strict=True)]
    found = {
        "model": {"name": version.manifest.name, "version": version.manifest.version},
        "data": data_report(rows, used),
        **report(answered),
    }
    if shortcuts:
        with steps("without the lesion", sum(row.mask is not None for row in used)) as step:
            found["masked_lesion"] = masked_report(version, answered, step)
        found["border_only"] = border_report(rows, answered)
        found["accuracy_at_validation_threshold"] = tuned_accuracy(version, rows, answered)
    return found, answered


def tuned_accuracy(version: Version, rows: Sequence[Row], answered: Sequence[Answered]) -> dict[str, Any]:
    """Per source: accuracy at the threshold that is best on the source's own validation split.

    This is how accuracy is usually quoted; the service itself decides by its operating point.
    """
    found: dict[str, Any] = {}
    for source in sorted({each.row.source for each in answered}):
        val = [row for row in rows if row.source == source and row.split == "val"]
        if len({row.malignant for row in val}) < 2:
            continue
        with steps(f"validation of {source}", len(val)) as step:
            seen = [answer(row, m, version) for row, m in zip(val, measure_all(version, val, step), strict=True)]
        threshold = best_threshold(as_answers(seen))
        test = as_answers([each for each in answered if each.row.source == source])
        right = (test.probabilities >= threshold) == (test.labels == 1)
        drawn = [float(right[index].mean()) for index in resampled(test.groups, RESAMPLES, 0)]
        found[source] = {
            "n": len(test),
            "threshold": round(threshold, 6),
            "accuracy": {"value": rounded(float(right.mean())), "interval": interval(drawn)},
        }
    return found


def best_threshold(answers: Answers) -> float:
    """The probability from which on calling a photo malignant is right most often."""
    candidates = np.unique(answers.probabilities)
    right = [float(((answers.probabilities >= each) == (answers.labels == 1)).mean()) for each in candidates]
    return float(candidates[int(np.argmax(right))])


def data_report(rows: Sequence[Row], used: Sequence[Row]) -> dict[str, Any]:
    """What was evaluated on."""
    return {"rows": len(used), "left_out_as_leaks": sum(row.leak for row in rows), "shared_groups": shared_groups(rows)}


def write(path: Path, found: dict[str, Any], answered: Sequence[Answered]) -> None:
    """FILE.json and, beside it, FILE.csv with one row a photo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    with path.with_suffix(".csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "malignant", "probability", "decision", "ood"))
        for each in answered:
            table.writerow(
                (each.row.file, each.row.malignant, f"{each.probability:.6f}", each.decision, f"{each.ood:.4f}")
            )
