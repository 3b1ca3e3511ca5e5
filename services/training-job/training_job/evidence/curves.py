"""ROC and reliability curves of each source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from training_job.evaluate import Answered, as_answers
from training_job.evidence.altering import by_source
from training_job.evidence.figures import share
from training_job.metrics import Answers, Labels, Scores, rounded

ROC_POINTS = 100
BINS, BIN_PHOTOS = 10, 10


def measure(answered: Sequence[Answered]) -> dict[str, Any]:
    """Both curves of every source that has both classes."""
    found = {source: as_answers(theirs) for source, theirs in by_source(answered).items()}
    return {
        source: {"roc": roc(answers.labels, answers.probabilities), "reliability": reliability(answers)}
        for source, answers in found.items()
        if 0 < answers.labels.sum() < len(answers)
    }


def roc(labels: Labels, scores: Scores, most: int = ROC_POINTS) -> list[list[float | None]]:
    """False and true positive rate from (0, 0) to (1, 1), at `most` points; ties are one step."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    true = np.concatenate([[0], np.cumsum(labels[order] == 1)[last]])
    false = np.concatenate([[0], np.cumsum(labels[order] == 0)[last]])
    shown = np.unique(np.linspace(0, len(true) - 1, most).round().astype(int))
    rates = np.column_stack([false / false[-1], true / true[-1]])[shown]
    return [[rounded(float(x)), rounded(float(y))] for x, y in rates]


def reliability(answers: Answers) -> list[dict[str, Any]]:
    """Mean probability and share of malignant photos in bins of as many photos each, by rising probability."""
    order = np.argsort(answers.probabilities, kind="stable")
    bins = np.array_split(order, min(BINS, max(1, len(order) // BIN_PHOTOS)))
    return [_bin(answers.take(index)) for index in bins]


def _bin(answers: Answers) -> dict[str, Any]:
    observed = share(answers.labels == 1, answers.groups)
    return {
        "n": len(answers),
        "predicted": rounded(float(answers.probabilities.mean())),
        "observed": observed["value"],
        "interval": observed["interval"],
    }
