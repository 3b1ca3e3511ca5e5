"""Paired tests against brute force, values worked out by hand, and their error rate where nothing differs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_job.metrics import Answers, auroc
from training_job.paired import (
    bootstrap,
    delong,
    holm,
    mcnemar,
    paired_differences,
    paired_several,
    placements,
)


def answers(labels: np.ndarray, p: np.ndarray, per_group: int = 1) -> Answers:
    groups = np.array([f"g{i // per_group}" for i in range(len(labels))])
    decisions = np.where(p >= 0.5, "refer", "routine")
    return Answers(labels, p, {"point": np.full(len(p), 0.5)}, decisions, groups)


def area(given: Answers) -> float:
    return auroc(given.labels, given.probabilities)


def two_scores(seed: int, n: int = 200, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, and two noisy looks at the same truth; the first is better by `gain`."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    seen = labels + rng.normal(0, 1, n)
    return labels, seen + gain * labels + rng.normal(0, 0.7, n), seen + rng.normal(0, 0.7, n)


def brute_force(labels: np.ndarray, *scores: np.ndarray) -> tuple[float, float]:
    """Difference and standard error by every pair of photos, as the paper of 1988 writes them."""
    above, below = [], []
    for each in scores:
        kernel = 0.5 + np.sign(each[labels == 1][:, None] - each[labels == 0][None, :]) / 2
        above.append(kernel.mean(axis=1))
        below.append(kernel.mean(axis=0))
    covariance = np.cov(above) / len(above[0]) + np.cov(below) / len(below[0])
    contrast = np.array([1, -1])
    return float(above[0].mean() - above[1].mean()), float(np.sqrt(contrast @ covariance @ contrast))


@given(st.integers(0, 10_000), st.booleans())
def test_delong_equals_brute_force(seed: int, ties: bool) -> None:
    labels, a, b = two_scores(seed, 60)
    if ties:
        a, b = np.round(a), np.round(b)
    found = delong(labels, a, b)
    assert (found.difference, found.standard_error) == pytest.approx(brute_force(labels, a, b), abs=1e-12)
    assert found.difference == pytest.approx(auroc(labels, a) - auroc(labels, b))
    back = delong(labels, b, a)
    assert (back.z, back.p) == pytest.approx((-found.z, found.p))


def test_delong_of_four_photos_by_hand() -> None:
    labels = np.array([1, 1, 0, 0])
    found = delong(labels, np.array([3.0, 4, 1, 2]), np.array([1.0, 4, 2, 3]))
    assert found[:3] == pytest.approx((0.5, 0.5, 1.0))
    assert found.p == pytest.approx(0.3173, abs=1e-4)


def test_seeds_stand_for_their_mean() -> None:
    labels, a, b = two_scores(2)
    c = two_scores(2, gain=0.5)[1]
    found = delong(labels, np.stack([a, c]), b)
    assert found.difference == pytest.approx((auroc(labels, a) + auroc(labels, c)) / 2 - auroc(labels, b))
    assert delong(labels, np.stack([a, a]), b) == pytest.approx(delong(labels, a, b))
    both = [answers(labels, a), answers(labels, c)]
    narrow, wide = (bootstrap(both, {"area": area}, 300, redraw_seeds=redraw)["area"] for redraw in (False, True))
    assert narrow.value == wide.value == pytest.approx(found.difference + auroc(labels, b))
    assert narrow.draws.std() < wide.draws.std()


def test_delong_where_nothing_or_everything_differs() -> None:
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert delong(labels, scores, scores) == (0, 0, 0, 1)
    assert delong(labels, scores, -scores)[2:] == (math.inf, 0)
    assert all(math.isnan(each) for each in delong(np.array([0, 0, 1]), scores[:3], scores[:3]))


def test_placements_count_ties_half() -> None:
    above, below = placements(np.array([1, 1, 0, 0]), np.array([2.0, 3, 2, 1]))
    assert above.tolist() == [0.75, 1]
    assert below.tolist() == [0.75, 1]


def test_equal_scores_are_told_apart_as_seldom_as_promised() -> None:
    p = np.array([delong(*two_scores(seed)).p for seed in range(1000)])
    assert 0.03 <= (p < 0.05).mean() <= 0.07


def test_the_bootstrap_agrees_with_delong() -> None:
    labels, a, b = two_scores(3, 600, gain=0.3)
    exact = delong(labels, a, b)
    found = paired_differences(answers(labels, a), answers(labels, b), area, 600, seed=1)
    assert found.value == pytest.approx(exact.difference)
    low, high = found.interval
    assert (high - low) / 2 == pytest.approx(1.96 * exact.standard_error, rel=0.15)
    assert found.p < 0.05
    assert exact.p < 0.05


def test_several_photos_of_a_lesion_are_drawn_together() -> None:
    labels, a, b = (np.repeat(each, 4) for each in two_scores(5, 80))
    together = paired_differences(answers(labels, a, 4), answers(labels, b, 4), area, 400)
    apart = paired_differences(answers(labels, a), answers(labels, b), area, 400)
    width = [high - low for low, high in (together.interval, apart.interval)]
    assert width[0] == pytest.approx(2 * width[1], rel=0.25)


def test_the_same_version_twice_does_not_differ() -> None:
    labels, a, _ = two_scores(1)
    found = paired_several(answers(labels, a), answers(labels, a), {"area": area}, 50)["area"]
    assert found.told() == {"value": 0, "interval": [0, 0], "p": 1}


def test_what_cannot_be_told_is_no_number() -> None:
    ones = np.ones(9, int)
    found = paired_differences(answers(ones, np.linspace(0, 1, 9)), answers(ones, np.linspace(1, 0, 9)), area, 20)
    assert found.told() == {"value": None, "interval": [None, None], "p": None}


def test_other_photos_are_refused() -> None:
    labels, a, _ = two_scores(1)
    with pytest.raises(ValueError, match="same photos"):
        paired_differences(answers(labels, a), answers(1 - labels, a), area)
    with pytest.raises(ValueError, match="same photos"):
        paired_differences(answers(labels, a), answers(labels, a, per_group=2), area)


def test_mcnemar_by_hand() -> None:
    only_a = np.array([True] * 8 + [False] + [True] * 20)
    only_b = np.array([False] * 8 + [True] + [True] * 20)
    assert mcnemar(only_a, only_b) == (8, 1, 2 * (1 + 9) / 2**9)
    assert mcnemar(only_a, only_a).p == 1


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    found = holm([0.02, math.nan])
    assert found[0] == 0.02
    assert math.isnan(found[1])
    assert holm([]) == []
