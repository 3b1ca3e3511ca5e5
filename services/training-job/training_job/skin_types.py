"""For which skin there is evidence, and how far the type that a photo suggests is from the recorded one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nevus.domain import FloatArray
from training_job.data import Row
from training_job.metrics import RESAMPLES, Strings, interval, resampled, rounded

EVIDENCE = 20
UNMEASURED = 0


def evidenced(photos: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """The groups with at least EVIDENCE malignant and as many benign photos; of each its group and `malignant`."""
    counts = Counter(photos)
    groups = sorted({group for group, _ in counts})
    return tuple(group for group in groups if min(counts[group, 0], counts[group, 1]) >= EVIDENCE)


def recorded_types(rows: Iterable[Row], uncalibrated: Sequence[str]) -> tuple[int, ...]:
    """Types with evidence by what is recorded, in sources that set thresholds."""
    known = (row for row in rows if row.fitzpatrick and not row.leak and row.source not in uncalibrated)
    return evidenced((int(row.fitzpatrick), row.malignant) for row in known)


def estimated_types(
    rows: Sequence[Row], estimates: Sequence[int | None], uncalibrated: Sequence[str]
) -> tuple[int, ...]:
    """As `recorded_types`, by the type that each photo suggests, for callers who state none; each photo counts once."""
    known = {row.file: (estimate or UNMEASURED, row) for row, estimate in zip(rows, estimates, strict=True)}
    return evidenced((group, row.malignant) for group, row in known.values() if row.source not in uncalibrated)


def skin_tone_report(recorded: Sequence[int], itas: Sequence[float], estimates: Sequence[int], groups: Strings) -> Any:
    """Estimates against recorded types: confusion, and figures with intervals by bootstrap over `groups`.

    None without photos of which both are known. `correlation` is Spearman's, of the angle with the type: -1 is perfect.
    """
    if not len(recorded):
        return None
    truth, guess, angle = np.array(recorded, float), np.array(estimates, float), np.array(itas, float)
    drawn = resampled(groups, RESAMPLES, 0)
    confusion = Counter(zip(map(int, recorded), map(int, estimates), strict=True))
    types = range(1, 7)
    report: dict[str, Any] = {
        "n": len(truth),
        "confusion": {str(t): {str(e): confusion[t, e] for e in types} for t in types if t in truth},
    }
    for name, value in figures(truth, guess, angle).items():
        values = [figures(truth[i], guess[i], angle[i])[name] for i in drawn]
        report[name] = {"value": rounded(value), "interval": interval(values)}
    return report


def figures(truth: Any, guess: Any, angle: Any) -> dict[str, float]:
    """Share of exact estimates and of those within one type, mean error in types, and rank correlation."""
    error = guess - truth
    return {
        "exact": float((error == 0).mean()),
        "within_one": float((np.abs(error) <= 1).mean()),
        "mean_error": float(error.mean()),
        "mean_absolute_error": float(np.abs(error).mean()),
        "correlation": spearman(angle, truth),
    }


def spearman(first: Any, second: Any) -> float:
    """Correlation of the ranks, ties by their mean; NaN where one does not vary."""
    one, other = rank(first), rank(second)
    if min(one.std(), other.std()) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def rank(values: Any) -> FloatArray:
    """(n,) from 1, ties by their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], np.float32)
