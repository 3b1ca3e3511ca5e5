"""Confidence bounds that hold for any number of observations and any distribution, with numbers in docs/canary.md.

Shares: Chernoff's bound in the form of Hoeffding 1963, theorem 1. Distributions: Dvoretzky, Kiefer and Wolfowitz 1956
with Massart's constant (1990). Quantiles: order statistics, their ranks by the first of these.
"""

from __future__ import annotations

import math
from collections import Counter

STEPS = 40  # of a bisection


def divergence(observed: float, p: float) -> float:
    """Kullback and Leibler's, of one coin from another."""
    terms = ((observed, p), (1 - observed, 1 - p))
    return sum(a * math.log(a / b) if b else math.inf for a, b in terms if a)


def lower_share(hits: int, n: int, level: float) -> float:
    """The share of which `hits` in `n` are a sample is smaller with a probability of `level` at most."""
    return 1 - upper_share(n - hits, n, level)


def upper_share(hits: int, n: int, level: float) -> float:
    """The share of which `hits` in `n` are a sample is larger with a probability of `level` at most."""
    if not n:
        return 1.0
    low, high, observed = hits / n, 1.0, hits / n
    for _ in range(STEPS):
        middle = (low + high) / 2
        likely = n * divergence(observed, middle) <= -math.log(level)
        low, high = (middle, high) if likely else (low, middle)
    return high


def margin(n: int, level: float) -> float:
    """How far the distribution of `n` observations is from its own by more than, with a probability of `level`."""
    return math.sqrt(math.log(2 / level) / (2 * n)) if n else 1.0


def distance(one: Counter[int], other: Counter[int]) -> float:
    """Kolmogorov and Smirnov's: the largest difference of two cumulative distributions."""
    n, m = one.total(), other.total()
    found = below = beside = 0.0
    for value in sorted(one.keys() | other.keys()):
        below, beside = below + one[value], beside + other[value]
        found = max(found, abs(below / n - beside / m)) if n and m else 1.0
    return found


def quantile(counts: Counter[int], q: float) -> int | None:
    """The smallest value that is not under a share `q` of the observations; None of none."""
    return ranked(counts, max(1, math.ceil(q * counts.total())))


def lower_quantile(counts: Counter[int], q: float, level: float) -> int | None:
    """The true one is smaller with a probability of `level` at most; None where so few say nothing."""
    n = counts.total()
    share = telling(n, 1 - q, level)
    return None if share is None else ranked(counts, math.floor(n * (1 - share)) + 1)


def upper_quantile(counts: Counter[int], q: float, level: float) -> int | None:
    """The true one is larger with a probability of `level` at most; None where so few say nothing."""
    n = counts.total()
    share = telling(n, q, level)
    return None if share is None else ranked(counts, math.ceil(n * share))


def telling(n: int, p: float, level: float) -> float | None:
    """The smallest share of `n` that is seen with a probability of `level` at most where `p` is true; None of none."""
    if n * divergence(1, p) < -math.log(level):
        return None
    low, high = p, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        likely = n * divergence(middle, p) < -math.log(level)
        low, high = (middle, high) if likely else (low, middle)
    return high


def ranked(counts: Counter[int], rank: int) -> int | None:
    """The value of that rank, the smallest being of rank 1; None of too few."""
    for value in sorted(counts):
        rank -= counts[value]
        if rank <= 0:
            return value
    return None
