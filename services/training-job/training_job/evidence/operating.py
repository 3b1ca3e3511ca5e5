"""Confusion at every operating point, and what an answer is worth at a stated prevalence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nevus.calibration import predictive_values
from training_job.evaluate import Answered, as_answers
from training_job.evidence.altering import by_source
from training_job.evidence.figures import called, mean, share
from training_job.metrics import Answers, rounded

PREVALENCES = (0.01, 0.05, 0.20)


def measure(answered: Sequence[Answered]) -> dict[str, Any]:
    """Counts and rates per operating point and source."""
    sources = {source: as_answers(theirs) for source, theirs in by_source(answered).items()}
    points = answered[0].thresholds if answered else {}
    return {
        point: {source: confusion(answers, called(answers, point)) for source, answers in sources.items()}
        for point in points
    }


def confusion(answers: Answers, positive: NDArray[np.bool_]) -> dict[str, Any]:
    """Counts, sensitivity and specificity of a positive call; PPV and NPV where both are known."""
    malignant = answers.labels == 1
    hits, passes = positive[malignant], ~positive[~malignant]
    return {
        "n": len(answers),
        "tp": int(hits.sum()),
        "fn": int((~hits).sum()),
        "fp": int((~passes).sum()),
        "tn": int(passes.sum()),
        "sensitivity": share(hits, answers.groups[malignant]),
        "specificity": share(passes, answers.groups[~malignant]),
        "predictive_values": at_prevalences(mean(hits), mean(passes)),
    }


def at_prevalences(sensitivity: float, specificity: float) -> dict[str, dict[str, float | None]]:
    """PPV and NPV at 1, 5 and 20 %."""
    if math.isnan(sensitivity) or math.isnan(specificity):
        return {}
    found = {each: predictive_values(sensitivity, specificity, each) for each in PREVALENCES}
    return {f"{each:.2f}": {"ppv": rounded(ppv), "npv": rounded(npv)} for each, (ppv, npv) in found.items()}
