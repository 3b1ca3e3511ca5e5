"""The judge of a canary: equal streams hardly ever end one, bad ones do soon, and its bounds are bounds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from gateway import bounds
from gateway.judge import Answer, Bands, Departure, Judge, departures
from nevus.domain import Decision

LEVELS = st.sampled_from([0.05, 1e-3, 1e-6])


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), LEVELS)
def test_bounds_of_a_share_are_no_narrower_than_the_exact_ones(seen: tuple[int, int], level: float) -> None:
    hits, n = seen
    assert bounds.upper_share(hits, n, level) >= (beta.ppf(1 - level, hits + 1, n - hits) if hits < n else 1) - 1e-9
    assert bounds.lower_share(hits, n, level) <= (beta.ppf(level, hits, n - hits + 1) if hits else 0) + 1e-9
    assert bounds.lower_share(hits, n, level) <= hits / n <= bounds.upper_share(hits, n, level)


@given(st.integers(1, 3000), st.sampled_from([0.5, 0.95]), LEVELS)
def test_bounds_of_a_quantile_are_of_ranks_that_are_seldom_passed(n: int, q: float, level: float) -> None:
    ranks = Counter(dict.fromkeys(range(1, n + 1), 1))  # the value is its rank
    lower, upper = bounds.lower_quantile(ranks, q, level), bounds.upper_quantile(ranks, q, level)
    assert lower is None or binom.cdf(lower - 1, n, q) <= level
    assert upper is None or binom.sf(upper - 1, n, q) <= level
    assert upper is None or n * q <= upper
    assert lower is None or lower <= n * q + 1


@given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
def test_the_distance_is_that_of_kolmogorov_and_smirnov(one: list[int], other: list[int]) -> None:
    shares = [[np.mean(np.array(each) <= value) for value in range(10)] for each in (one, other)]
    assert bounds.distance(Counter(one), Counter(other)) == pytest.approx(np.abs(np.diff(shares, axis=0)).max())


def test_of_nothing_nothing_is_known() -> None:
    assert (bounds.lower_share(0, 0, 0.1), bounds.upper_share(0, 0, 0.1), bounds.margin(0, 0.1)) == (0, 1, 1)
    assert bounds.quantile(Counter(), 0.5) is None
    assert not [*departures(Judge(Bands()).canary, Judge(Bands()).champion, Bands(), 0.1)]


@dataclass(frozen=True)
class Kind:
    """What a canary does otherwise than the champion, whose photos fail in one of a hundred cases."""

    fails: float = 0.01
    slower: float = 1.0
    shift: float = 0.0
    refers: float = 0.0
    rejects: float = 0.0


def photos(seed: int, kind: Kind, share: float, n: int) -> Iterator[tuple[bool, Answer | None]]:
    rng = np.random.default_rng(seed)
    canary, luck, logits = rng.random(n) < share, rng.random((3, n)), rng.normal(-1, 2, n)
    times = np.exp(rng.normal(-4, 0.4, n))
    for ours, (fate, mood, view), logit, time in zip(canary, luck.T, logits, times, strict=True):
        its = kind if ours else Kind()
        probability = 1 / (1 + math.exp(-logit - its.shift))
        refers = probability > 0.3 or mood < its.refers
        answer = Answer(time * its.slower, probability, Decision.REFER if refers else Decision.ROUTINE)
        rejected = Answer(time * its.slower, None, Decision.REJECTED)
        yield bool(ours), None if fate < its.fails else rejected if view < its.rejects else answer


def ended(seed: int, kind: Kind, share: float = 0.1, n: int = 4000) -> tuple[int, Departure | None]:
    """After how many of the canary's photos, and why."""
    judge, seen = Judge(Bands()), 0
    for ours, answer in photos(seed, kind, share, n):
        seen += ours
        if judge.see(answer, None, canary=ours):
            break
    return seen, judge.departure


def test_equal_streams_are_left_alone() -> None:
    assert not [seed for seed in range(20) if ended(seed, Kind(), n=2500, share=0.3)[1]]


@pytest.mark.parametrize(
    ("kind", "measure", "within"),
    [
        (Kind(fails=1.0), "errors", 20),
        (Kind(fails=0.25), "errors", 320),
        (Kind(slower=10), "latency", 40),
        (Kind(slower=4), "latency", 200),
        (Kind(shift=3), "scores", 220),
        (Kind(shift=-3), "scores", 280),
        (Kind(refers=1.0), "scores", 160),
        (Kind(rejects=1.0), "scores", 60),
    ],
    ids=str,
)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_bad_canary_is_found_soon(kind: Kind, measure: str, within: int, share: float) -> None:
    for seed in range(2):
        seen, departure = ended(seed, kind, share)
        assert departure is not None
        assert (departure.measure, seen <= within) == (measure, True), (seen, departure)


@pytest.mark.parametrize("kind", [Kind(slower=1.5), Kind(shift=0.5), Kind(fails=0.015), Kind(refers=0.1)], ids=str)
def test_one_within_its_band_is_not_rolled_back(kind: Kind) -> None:
    assert not [seed for seed in range(3) if ended(seed, kind, 0.3, 3000)[1]]


def test_what_begins_late_is_found_too() -> None:
    judge = Judge(Bands(window=100))
    for bad in [False] * 3000 + [True] * 300:
        judge.see(Answer(0.02, 0.5, Decision.REFER), None, canary=False)
        judge.see(None if bad else Answer(0.02, 0.5, Decision.REFER), None, canary=True)
    assert judge.departure
    assert judge.departure.measure == "errors"
    assert judge.looks > 150


def test_a_case_counts_once_however_many_photos_it_has() -> None:
    judge = Judge(Bands())
    for number in range(600):
        judge.see(Answer(0.02, 0.1, Decision.ROUTINE), f"{number % 300}", canary=False)
        judge.see(None, "the same", canary=True)
    assert (judge.canary.photos, judge.champion.photos, judge.departure) == (1, 300, None)
