"""Figures of merit for a binary test, and their bootstrap intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]
Scores = NDArray[np.floating]


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve by ranks, ties counted half; NaN unless both classes are there."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))
