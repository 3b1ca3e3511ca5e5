"""Have the photos, or what the model says of them, moved away from a reference? Pure functions on counts.

Population stability index (PSI) over about ten bins that hold a tenth of the reference each, and beside it the largest
distance of the two distribution functions (Kolmogorov-Smirnov). Without any drift PSI is about
(1/n + 1/m) times a chi-squared variable with bins - 1 degrees of freedom (Yurdakul and Naranjo, Journal of Risk Model
Validation 14(4), 2020): its mean is subtracted before PSI is held against a threshold, and what it exceeds by chance
once in a hundred is told. docs/drift.md explains thresholds and limits.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field

from nevus.domain import Frozen

FINE, COARSE = 40, 10  # bins that are counted, and those that PSI sees
WATCH, DRIFTED = 0.1, 0.25  # thresholds on PSI less its bias
LEAST = 100.0  # harmonic size nm / (n + m) under which there is too little to say
Z_99 = 2.3263478740408408


class Level(StrEnum):
    """What a PSI means."""

    TOO_FEW = "too_few"
    STABLE = "stable"
    WATCH = "watch"
    DRIFT = "drift"


class Histogram(Frozen):
    """`counts[i]` values lie above `edges[i-1]` and at or below `edges[i]`; the last bin has no upper edge."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def bin(self, value: float) -> int:
        """Which one a value falls into."""
        return bisect_left(self.edges, value)


class Shift(Frozen):
    """How far one measure of `n` photos is from that of the reference's."""

    measure: str
    n: int
    level: Level
    psi: float | None = Field(default=None, description="population stability index, as computed")
    corrected: float | None = Field(default=None, description="less the bias of small numbers: held against thresholds")
    chance: float | None = Field(default=None, description="PSI that is exceeded without any drift once in a hundred")
    ks: float | None = Field(default=None, description="largest distance of the distribution functions, 0..1")


def histogram(values: Sequence[float]) -> Histogram:
    """Of reference values, in up to FINE bins that hold about the same number; equal values share a bin."""
    ordered = sorted(values)
    places = [math.ceil(len(ordered) * i / FINE) - 1 for i in range(1, FINE)] if ordered else []
    edges = tuple(sorted({ordered[max(0, place)] for place in places}))
    empty = Histogram(edges=edges, counts=(0,) * (len(edges) + 1))
    counts = [0] * len(empty.counts)
    for value in ordered:
        counts[empty.bin(value)] += 1
    return Histogram(edges=edges, counts=tuple(counts))


def coarse(reference: Sequence[int]) -> list[int]:
    """For each fine bin the coarse one that it belongs to, by where its middle stands in the reference."""
    total, below, groups = max(1, sum(reference)), 0, []
    for count in reference:
        groups.append(min(COARSE - 1, math.floor(COARSE * (below + count / 2) / total)))
        below += count
    return groups


def merged(counts: Sequence[int], groups: Sequence[int]) -> list[int]:
    """Counts of the coarse bins that have a fine one."""
    found: dict[int, int] = {}
    for count, group in zip(counts, groups, strict=True):
        found[group] = found.get(group, 0) + count
    return list(found.values())


def psi(observed: Sequence[int], reference: Sequence[int]) -> float:
    """Sum over bins of (p - q) ln(p / q), every bin taken half a photo fuller, so that an empty one is no infinity."""
    bins, n, m = len(reference), sum(observed), sum(reference)
    shares = [
        ((o + 0.5) / (n + bins / 2), (r + 0.5) / (m + bins / 2)) for o, r in zip(observed, reference, strict=True)
    ]
    return sum((p - q) * math.log(p / q) for p, q in shares)


def ks(observed: Sequence[int], reference: Sequence[int]) -> float:
    """Largest distance of the two distribution functions at the bins' edges: never more than without bins."""
    n, m, o, r, most = max(1, sum(observed)), max(1, sum(reference)), 0, 0, 0.0
    for more_o, more_r in zip(observed, reference, strict=True):
        o, r = o + more_o, r + more_r
        most = max(most, abs(o / n - r / m))
    return most


def chi_squared_99(degrees: int) -> float:
    """Its 99th percentile (Wilson and Hilferty, PNAS 17:684, 1931), within 2 % from 2 degrees of freedom on."""
    return degrees * (1 - 2 / (9 * degrees) + Z_99 * math.sqrt(2 / (9 * degrees))) ** 3 if degrees else 0.0


def shift(measure: str, observed: Sequence[int], reference: Sequence[int], *, ordered: bool = True) -> Shift:
    """Compare counts of the same bins; categories (not `ordered`) are not merged and have no KS."""
    n, m = sum(observed), sum(reference)
    if not n or not m or n * m / (n + m) < LEAST:
        return Shift(measure=measure, n=n, level=Level.TOO_FEW)
    groups = coarse(reference) if ordered else range(len(reference))
    few, known = merged(observed, groups), merged(reference, groups)
    found, noise = psi(few, known), 1 / n + 1 / m
    corrected, chance = max(0.0, found - noise * (len(known) - 1)), noise * chi_squared_99(len(known) - 1)
    return Shift(
        measure=measure,
        n=n,
        level=level(corrected) if found > chance else Level.STABLE,
        psi=round(found, 4),
        corrected=round(corrected, 4),
        chance=round(chance, 4),
        ks=round(ks(observed, reference), 4) if ordered else None,
    )


def level(corrected: float) -> Level:
    """By the thresholds that are customary for PSI."""
    return Level.DRIFT if corrected >= DRIFTED else Level.WATCH if corrected >= WATCH else Level.STABLE
