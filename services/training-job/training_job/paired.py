"""Two versions on the same photos: is the difference between them more than chance?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training_job.metrics import RESAMPLES, Answers, Labels, Scores, resampled, rounded

Statistic = Callable[[Answers], float]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Difference:
    """a minus b, its 95 % interval, and the two-sided p-value of no difference; NaN where it cannot be told."""

    value: float
    interval: tuple[float, float]
    p: float

    def told(self) -> dict[str, Any]:
        """For JSON."""
        low, high = self.interval
        return {"value": rounded(self.value), "interval": [rounded(low), rounded(high)], "p": rounded(self.p)}


class Delong(NamedTuple):
    """AUROC of a minus that of b, and the test of no difference."""

    difference: float
    standard_error: float
    z: float
    p: float


class Mcnemar(NamedTuple):
    """How many photos only a, and only b, has right, and the exact two-sided p-value of no difference."""

    only_a: int
    only_b: int
    p: float


def paired_differences(
    a: Answers, b: Answers, statistic: Statistic, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """A statistic of `a` minus that of `b`, whole lesions or patients drawn for both at once (paired bootstrap).

    Raises ValueError unless both answered the same photos in the same order.
    """
    return paired_several(a, b, {"": statistic}, resamples, seed)[""]


def paired_several(
    a: Answers, b: Answers, statistics: Mapping[str, Statistic], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Difference]:
    """As `paired_differences`, each statistic on the same draws."""
    refuse_other_photos(a, b)
    ours, theirs = (bootstrap([each], statistics, resamples, seed) for each in (a, b))
    return {name: ours[name].minus(theirs[name]) for name in statistics}


@dataclass(frozen=True)
class Drawn:
    """A statistic and its bootstrap draws (resamples,); those of the same photos and seed go together."""

    value: float
    draws: Scores

    def minus(self, other: Drawn) -> Difference:
        """Of two versions, drawn from the same photos."""
        return _difference(self.value - other.value, self.draws - other.draws)


def bootstrap(
    seeds: Sequence[Answers],
    statistics: Mapping[str, Statistic],
    resamples: int = RESAMPLES,
    seed: int = 0,
    *,
    redraw_seeds: bool = False,
) -> dict[str, Drawn]:
    """The mean of each statistic over one recipe's `seeds`, all answers to the same photos.

    With `redraw_seeds` the seeds are drawn with replacement too, so that what training leaves to chance counts.
    """
    rng = np.random.default_rng([seed, 1])
    drawn: dict[str, list[float]] = {name: [] for name in statistics}
    for index in resampled(seeds[0].groups, resamples, seed):
        chosen = rng.integers(len(seeds), size=len(seeds)) if redraw_seeds else range(len(seeds))
        taken = [seeds[i].take(index) for i in chosen]
        for name, statistic in statistics.items():
            drawn[name].append(float(np.mean([statistic(each) for each in taken])))
    means = {name: float(np.mean([statistic(each) for each in seeds])) for name, statistic in statistics.items()}
    return {name: Drawn(means[name], np.array(drawn[name])) for name in statistics}


def refuse_other_photos(a: Answers, b: Answers) -> None:
    """Raises ValueError unless labels and groups are the same, in the same order."""
    if not np.array_equal(a.labels, b.labels) or not np.array_equal(a.groups, b.groups):
        raise ValueError("a paired comparison needs answers to the same photos in the same order")


def _difference(value: float, drawn: Scores) -> Difference:
    known = drawn[~np.isnan(drawn)]
    if not len(known) or math.isnan(value):
        return Difference(value, (math.nan, math.nan), math.nan)
    low, high = np.percentile(known, [2.5, 97.5])
    return Difference(value, (float(low), float(high)), bootstrap_p(known))


def bootstrap_p(drawn: Scores) -> float:
    """Twice the share of draws on the other side of zero, never 0 (Davison and Hinkley, 1997, 4.2)."""
    least = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (least + 1) / (len(drawn) + 1))


def delong(labels: Labels, scores_a: Scores, scores_b: Scores) -> Delong:
    """Test of equal AUROC of two scores of the same photos (DeLong, DeLong and Clarke-Pearson, Biometrics 1988).

    In n log n by midranks (Sun and Xu, IEEE SPL 2014). Scores (seeds, n) stand for the mean AUROC over the seeds.
    Photos count as independent: where a lesion or patient has several, the paired bootstrap is the more cautious.
    NaN with fewer than two photos of either class.
    """
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    if positives < 2 or negatives < 2:
        return Delong(math.nan, math.nan, math.nan, math.nan)
    above, below = zip(*(_mean_placements(labels, scores) for scores in (scores_a, scores_b)), strict=True)
    difference = float(above[0].mean() - above[1].mean())
    variance = np.var(above[0] - above[1], ddof=1) / positives + np.var(below[0] - below[1], ddof=1) / negatives
    error = math.sqrt(float(variance))
    if error < 1e-12:
        z = 0.0 if abs(difference) < 1e-12 else math.copysign(math.inf, difference)
    else:
        z = difference / error
    return Delong(difference, error, z, two_sided(z))


def _mean_placements(labels: Labels, scores: Scores) -> tuple[Scores, Scores]:
    above, below = zip(*(placements(labels, each) for each in np.atleast_2d(scores)), strict=True)
    return np.asarray(np.mean(above, axis=0)), np.asarray(np.mean(below, axis=0))


def placements(labels: Labels, scores: Scores) -> tuple[Scores, Scores]:
    """(positives,) share of negatives below each positive, (negatives,) of positives above each; ties count half."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    together = midranks(np.concatenate([positive, negative]))
    m, n = len(positive), len(negative)
    return (together[:m] - midranks(positive)) / n, 1 - (together[m:] - midranks(negative)) / m


def midranks(values: Scores) -> Scores:
    """Ranks from 1; what is tied shares its mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def two_sided(z: float) -> float:
    """Of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))


def mcnemar(right_a: Flags, right_b: Flags) -> Mcnemar:
    """Exact test of equal shares on the same photos, by those that only one has right (McNemar, 1947)."""
    a, b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return Mcnemar(a, b, binomial_p(min(a, b), a + b))


def binomial_p(least: int, n: int) -> float:
    """Two-sided p-value of at most `least` of n at an even chance."""
    tail = sum(math.comb(n, i) for i in range(least + 1))
    return min(1.0, 2 * tail / (1 << n))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted for being several (Holm, 1979); NaN stays and does not count."""
    known = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted, largest = [math.nan] * len(p_values), 0.0
    for rank, (p, i) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = largest
    return adjusted
