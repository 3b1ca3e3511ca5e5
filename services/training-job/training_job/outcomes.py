"""What versions are compared on: single figures of `Answers` at the service's own operating point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nevus.policy import DEFAULT_POINT
from training_job.metrics import Answers, auroc
from training_job.paired import Statistic

Flags = NDArray[np.bool_]


def called(answers: Answers) -> Flags:
    """(n,) whether each photo's probability reaches the operating point."""
    return np.asarray(answers.probabilities >= answers.thresholds[DEFAULT_POINT])


def right(answers: Answers) -> Flags:
    """(n,) whether each is called what it is."""
    return np.asarray(called(answers) == (answers.labels == 1))


def decided_right(answers: Answers) -> Flags:
    """(n,) whether the decision sends the malignant to be seen and nobody else."""
    return np.asarray((answers.decisions != "routine") == (answers.labels == 1))


def area(answers: Answers) -> float:
    """AUROC."""
    return auroc(answers.labels, answers.probabilities)


def accuracy(answers: Answers) -> float:
    """Share that is called what it is."""
    return float(right(answers).mean()) if len(answers) else float("nan")


def sensitivity(answers: Answers) -> float:
    """Of the malignant, the share called so."""
    return _share_right(answers, 1)


def specificity(answers: Answers) -> float:
    """Of the benign, the share called so."""
    return _share_right(answers, 0)


def _share_right(answers: Answers, label: int) -> float:
    among = answers.labels == label
    return float(right(answers)[among].mean()) if among.any() else float("nan")


STATISTICS: dict[str, Statistic] = {
    "auroc": area,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "accuracy": accuracy,
}
