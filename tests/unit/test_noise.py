"""What counts as more than noise between two runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from training_job.noise import two_proportions, welch


def test_the_original_s_two_accuracies_differ_by_no_more_than_noise() -> None:
    found = two_proportions(0.906, 1000, 0.889, 1000)
    assert found.statistic == pytest.approx(1.25, abs=0.005)
    assert found.p == pytest.approx(0.21, abs=0.005)
    assert found.more_than_noise is False
    assert two_proportions(0.906, 10_000, 0.889, 10_000).more_than_noise is True


def test_shares_of_all_or_none_do_not_divide_by_nothing() -> None:
    assert two_proportions(1.0, 30, 1.0, 40) == (0, 0, 1)
    assert two_proportions(1.0, 300, 0.0, 400).more_than_noise is True


def test_times_of_seeds_by_welch() -> None:
    rng = np.random.default_rng(0)
    a, b = list(rng.normal(10, 1, 3)), list(rng.normal(12, 3, 5))
    known = ttest_ind(a, b, equal_var=False)
    found = welch(a, b)
    assert (found.statistic, found.p) == pytest.approx((known.statistic, known.pvalue))


def test_one_run_tells_nothing_of_times() -> None:
    found = welch([10.0], [20.0, 21.0])
    assert math.isnan(found.p)
    assert found.more_than_noise is None


def test_times_without_any_spread() -> None:
    assert welch([2.0, 2.0], [2.0, 2.0]).p == 1
    assert welch([2.0, 2.0], [3.0, 3.0]).p == 0
