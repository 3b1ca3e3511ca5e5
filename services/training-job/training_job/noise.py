"""Whether two runs differ by more than chance: shares of photos by a z test, times of a few seeds by a t test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from training_job.paired import two_sided

ALPHA = 0.05


class Verdict(NamedTuple):
    """a minus b, the test statistic, its two-sided p-value; NaN where there is too little to test."""

    difference: float
    statistic: float
    p: float

    @property
    def more_than_noise(self) -> bool | None:
        """At the 5 % level; None where it cannot be told."""
        return None if math.isnan(self.p) else self.p < ALPHA


def two_proportions(share_a: float, n_a: int, share_b: float, n_b: int) -> Verdict:
    """Z test of equal shares in two samples of n photos, with the pooled variance."""
    difference = share_a - share_b
    pooled = (share_a * n_a + share_b * n_b) / (n_a + n_b)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    if not error:
        return Verdict(difference, 0.0, 1.0)  # all right, or all wrong, in both
    return Verdict(difference, difference / error, two_sided(difference / error))


def welch(a: Sequence[float], b: Sequence[float]) -> Verdict:
    """T test of equal means with unequal variances (Welch, 1947); NaN with fewer than two values on either side."""
    difference = float(np.mean(a) - np.mean(b))
    if min(len(a), len(b)) < 2:
        return Verdict(difference, math.nan, math.nan)
    of_a, of_b = float(np.var(a, ddof=1)) / len(a), float(np.var(b, ddof=1)) / len(b)
    error = math.sqrt(of_a + of_b)
    if not error:
        return Verdict(difference, math.copysign(math.inf, difference), 0.0 if difference else 1.0)
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1))
    t = difference / error
    return Verdict(difference, t, float(2 * stdtr(freedom, -abs(t))))
