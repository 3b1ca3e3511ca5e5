"""Pair by pair: is one run more accurate, or faster, than another by more than noise?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

from training_job.benchmark.quoted import ORIGINAL, Quoted
from training_job.noise import ALPHA, Verdict, two_proportions, welch
from training_job.paired import holm

Run = dict[str, Any]


class Pair(NamedTuple):
    """Two names, what was tested and how, and the p-value adjusted for all pairs of that test (Holm)."""

    a: str
    b: str
    measure: str
    verdict: Verdict
    adjusted: float

    @property
    def told(self) -> str:
        """In words."""
        if math.isnan(self.adjusted):
            return "cannot be told from one run"
        return "more than noise" if self.adjusted < ALPHA else "no more than noise"


def accuracies(runs: Sequence[tuple[str, Run]], quoted: Sequence[Quoted] = ORIGINAL) -> list[Pair]:
    """Of runs on the same photos, and of the quoted ones: z test of two shares of n photos."""
    shares = [
        (name, run["pooled"]["accuracy"]["value"], run["pooled"]["n"], run["workload"]["rows"]) for name, run in runs
    ]
    shares += [(each.name, each.accuracy, each.n, "quoted") for each in quoted]
    found = [(a[0], b[0], two_proportions(a[1], a[2], b[1], b[2])) for a, b in combinations(shares, 2) if a[3] == b[3]]
    return adjusted("accuracy", found)


def times(runs: Sequence[tuple[str, Run]]) -> list[Pair]:
    """Seconds of training a seed, of runs that did the same work: t test over the seeds."""
    found = [
        (a[0], b[0], welch(training_seconds(a[1]), training_seconds(b[1])))
        for a, b in combinations(runs, 2)
        if a[1]["workload"]["identity"] == b[1]["workload"]["identity"]
    ]
    return adjusted("seconds of training", found)


def training_seconds(run: Run) -> list[float]:
    """Wall time of each seed's training."""
    return [seed["phases"]["train"]["wall"] for seed in run["seeds"]]


def adjusted(measure: str, found: Sequence[tuple[str, str, Verdict]]) -> list[Pair]:
    """With Holm's p-values."""
    p = holm([verdict.p for _, _, verdict in found])
    return [Pair(a, b, measure, verdict, each) for (a, b, verdict), each in zip(found, p, strict=True)]
