"""Figures with their 95 % interval, as `{"value", "interval"}`, and their paired differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nevus.policy import DEFAULT_POINT
from training_job import metrics
from training_job.metrics import RESAMPLES, Answers, Strings, interval, resampled, rounded

Interval = dict[str, Any]
Figure = Callable[[Answers], float]
Z = 1.96


def called(answers: Answers, point: str = DEFAULT_POINT) -> NDArray[np.bool_]:
    """Which photos are over the threshold of an operating point."""
    return np.asarray(answers.probabilities >= answers.thresholds[point])


def auroc(answers: Answers) -> float:
    """Of the probabilities; NaN unless both classes are there."""
    return metrics.auroc(answers.labels, answers.probabilities)


def sensitivity(answers: Answers) -> float:
    """At the service's operating point; NaN without malignant photos."""
    return mean(called(answers)[answers.labels == 1])


def specificity(answers: Answers) -> float:
    """At the service's operating point; NaN without benign photos."""
    return mean(~called(answers)[answers.labels == 0])


def mean(values: NDArray[Any]) -> float:
    """NaN of nothing."""
    return float(values.mean()) if len(values) else math.nan


def wilson(value: float, n: int) -> list[float | None]:
    """95 % interval of a share (Wilson, J Am Stat Assoc 22:209, 1927): not empty at 0 and 1, as a bootstrap's is."""
    if not n or math.isnan(value):
        return [None, None]
    centre, spread = value + Z**2 / (2 * n), Z * math.sqrt(value * (1 - value) / n + (Z / (2 * n)) ** 2)
    bounds = ((centre - spread) / (1 + Z**2 / n), (centre + spread) / (1 + Z**2 / n))
    return [rounded(min(max(bound, 0.0), 1.0)) for bound in bounds]


def share(hits: NDArray[np.bool_], groups: Strings) -> Interval:
    """How many of n photos; the interval counts lesions or patients, since their photos go together."""
    value = mean(hits)
    return {"value": rounded(value), "interval": wilson(value, len(np.unique(groups)))}


def drawn(answers: Answers, figure: Figure, *, rounds: int = RESAMPLES) -> Interval:
    """A figure with its interval by bootstrap of whole lesions or patients."""
    values = [figure(answers.take(index)) for index in resampled(answers.groups, rounds, 0)]
    return {"value": rounded(figure(answers)), "interval": interval(values)}


def drop(before: Answers, after: Answers, figure: Figure, *, rounds: int = RESAMPLES) -> Interval:
    """By how much a figure falls from one to the other answer to the same photos, with its paired interval."""
    indices = resampled(before.groups, rounds, 0)
    values = [figure(before.take(index)) - figure(after.take(index)) for index in indices]
    return {"value": rounded(figure(before) - figure(after)), "interval": interval(values)}
