"""Figures of merit of a binary test on calibrated probabilities, each with a bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nevus.outcomes import FEWEST
from training_job.calibrate import fit_scale_and_bias, threshold_at

Labels = NDArray[np.integer]
Scores = NDArray[np.floating]
Strings = NDArray[np.str_]
RESAMPLES = 1000
CERTAIN = ("refer", "routine")


@dataclass(frozen=True)
class Answers:
    """What was answered for n photos. `flagged` is 1 for a photo to be seen: refer, indeterminate or rejected."""

    labels: Labels
    probabilities: Scores
    thresholds: dict[str, Scores]
    decisions: Strings
    groups: Strings

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[Any]) -> Answers:
        """Some of them, by index or mask."""
        return Answers(
            self.labels[index],
            self.probabilities[index],
            {name: values[index] for name, values in self.thresholds.items()},
            self.decisions[index],
            self.groups[index],
        )


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve by ranks, ties counted half; NaN unless both classes are there."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def specificity_at(sensitivity: float, labels: Labels, scores: Scores) -> float:
    """Specificity of the highest threshold that reaches a sensitivity on these photos themselves."""
    if not 0 < labels.sum() < len(labels):
        return float("nan")
    return float((scores[labels == 0] < threshold_at(sensitivity, scores[labels == 1])).mean())


def ece(labels: Labels, probabilities: Scores, bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass (Nixon et al., CVPRW 2019)."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(float(probabilities[part].mean()) - float(labels[part].mean())) * len(part) for part in parts]
    return float(sum(gaps) / max(len(labels), 1))


def ece_if_perfect(probabilities: Scores, *, rounds: int = 200, seed: int = 0) -> float:
    """Mean ECE that perfectly calibrated probabilities would show at this n: labels drawn from them."""
    rng = np.random.default_rng(seed)
    drawn = (rng.random((rounds, len(probabilities))) < probabilities).astype(int)
    return float(np.mean([ece(labels, probabilities) for labels in drawn]))


def calibration_line(labels: Labels, probabilities: Scores) -> tuple[float, float]:
    """Slope and intercept of the label's log odds on the predicted ones; 1 and 0 are perfect (Cox, 1958)."""
    if not 0 < labels.sum() < len(labels):
        return float("nan"), float("nan")
    clipped = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return fit_scale_and_bias(np.log(clipped / (1 - clipped)), labels.astype(float))


def figures(answers: Answers, point: str) -> dict[str, float]:
    """All figures at one operating point."""
    labels, p = answers.labels, answers.probabilities
    called = p >= answers.thresholds[point]
    sensitivity, specificity = _share(called, labels == 1), _share(~called, labels == 0)
    certain = np.isin(answers.decisions, CERTAIN)
    right = (answers.decisions == "refer") == (labels == 1)
    slope, intercept = calibration_line(labels, p)
    seen = answers.decisions != "routine"
    return {
        "auroc": auroc(labels, p),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "accuracy": _share(called == (labels == 1), np.ones(len(labels), bool)),
        "accuracy_at_half": _share((p >= 0.5) == (labels == 1), np.ones(len(labels), bool)),
        "specificity_at_95_sensitivity": specificity_at(0.95, labels, p),
        "specificity_at_90_sensitivity": specificity_at(0.90, labels, p),
        "ece": ece(labels, p),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "brier": float(np.mean((p - labels) ** 2)) if len(p) else float("nan"),
        "selective_accuracy": _share(right, certain),
        "coverage": float(certain.mean()) if len(p) else float("nan"),
        "sensitivity_of_being_seen": _share(seen, labels == 1),
        "share_routine_of_benign": _share(~seen, labels == 0),
    }


def _share(true: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(true[among].mean()) if among.any() else float("nan")


def with_intervals(answers: Answers, point: str, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Any]:
    """Figures with 95 % percentile intervals; whole lesions or patients are drawn, since their photos go together."""
    if not len(answers):
        return {"n": 0}
    values = figures(answers, point)
    drawn = [figures(answers.take(index), point) for index in resampled(answers.groups, resamples, seed)]
    report: dict[str, Any] = {"n": len(answers), "malignant": int(answers.labels.sum())}
    for name, value in values.items():
        report[name] = {"value": rounded(value), "interval": interval([each[name] for each in drawn])}
    report["ece"]["if_perfect"] = rounded(ece_if_perfect(answers.probabilities))
    if min(report["malignant"], report["n"] - report["malignant"]) < FEWEST:
        report["note"] = "too few to say"
    return report


def resampled(groups: Strings, rounds: int, seed: int) -> list[NDArray[np.intp]]:
    """Row indices of bootstrap samples of whole groups."""
    rng = np.random.default_rng(seed)
    names, inverse = np.unique(groups, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    return [np.concatenate([members[i] for i in rng.integers(len(names), size=len(names))]) for _ in range(rounds)]


def interval(values: list[float]) -> list[float | None]:
    """2.5th and 97.5th percentile of what is a number."""
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return [None, None]
    low, high = np.percentile(known, [2.5, 97.5])
    return [rounded(float(low)), rounded(float(high))]


def rounded(value: float) -> float | None:
    """Four decimals; None for NaN, which JSON does not know."""
    return None if np.isnan(value) else round(value, 4)
