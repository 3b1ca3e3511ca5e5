"""PSI, KS and Wilson's interval against scipy, and what small numbers do to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nevus.drift import (
    COARSE,
    FINE,
    LEAST,
    Histogram,
    Level,
    chi_squared_99,
    coarse,
    histogram,
    ks,
    level,
    merged,
    psi,
    shift,
)
from nevus.outcomes import share, wilson

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=200)
COUNTS = st.integers(1, 12).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 300), min_size=n, max_size=n)] * 2))


def binned(reference: Histogram, values: list[float]) -> list[int]:
    return list(np.bincount([reference.bin(value) for value in values], minlength=len(reference.counts)))


def largest_distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(stats.ks_2samp(one, other, method="asymp").statistic)


@given(VALUES)
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    found = histogram(values)
    assert sum(found.counts) == len(values)
    assert len(found.counts) == len(found.edges) + 1 <= FINE
    assert list(found.edges) == sorted(set(found.edges))
    assert found.counts == tuple(binned(found, values))


def test_reference_bins_hold_a_tenth_each() -> None:
    found = histogram(list(np.random.default_rng(1).normal(size=4000)))
    assert len(found.counts) == FINE
    assert merged(found.counts, coarse(found.counts)) == [400] * COARSE


def test_values_that_are_equal_share_a_bin() -> None:
    found = histogram([1.0] * 700 + [0.5] * 300)
    few = merged(found.counts, coarse(found.counts))
    assert sorted(n for n in few if n) == [300, 700]
    assert shift("skin", found.counts, found.counts).psi == 0


@given(COUNTS)
def test_psi_is_both_divergences_of_scipy(counts: tuple[list[int], list[int]]) -> None:
    observed, reference = counts
    p, q = ((np.array(each) + 0.5) / (sum(each) + len(each) / 2) for each in counts)
    assert psi(observed, reference) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-9)
    assert psi(observed, reference) == pytest.approx(psi(reference, observed), abs=1e-12)


@given(VALUES, VALUES)
def test_ks_is_that_of_scipy_on_the_bins(known: list[float], values: list[float]) -> None:
    reference = histogram(known)
    told = ks(binned(reference, values), reference.counts)
    here, there = (np.array([reference.bin(value) for value in each]) for each in (values, known))
    assert told == pytest.approx(largest_distance(here, there), abs=1e-9)
    assert told <= largest_distance(np.array(values), np.array(known)) + 1e-9


@pytest.mark.parametrize("degrees", [2, 3, 5, 9])
def test_the_percentile_is_close_to_scipys(degrees: int) -> None:
    assert chi_squared_99(degrees) == pytest.approx(stats.chi2.ppf(0.99, degrees), rel=0.02)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys(case: tuple[int, int]) -> None:
    expected = stats.binomtest(*case).proportion_ci(method="wilson")
    assert wilson(*case) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("n", "value"), [(0, None), (19, None), (20, 0.5)])
def test_a_share_of_few_is_not_told(n: int, value: float | None) -> None:
    assert share(n // 2, n).value == value
    assert (share(n // 2, n).interval is None) == (n == 0)


@pytest.mark.parametrize(("n", "m"), [(125, 500), (200, 1000), (1000, 1000)])
def test_without_drift_it_is_seldom_flagged_and_its_bias_is_taken_off(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    found = []
    for _ in range(300):
        reference = histogram(list(rng.normal(size=m)))
        found.append(shift("ita", binned(reference, list(rng.normal(size=n))), reference.counts))
    raw = np.mean([each.psi for each in found])
    assert raw == pytest.approx(9 * (1 / n + 1 / m), rel=0.15)
    assert np.mean([(each.psi or 0) > (each.chance or 0) for each in found]) < 0.03
    assert sum(each.level is Level.DRIFT for each in found) == 0


def test_a_shift_of_a_standard_deviation_is_found() -> None:
    rng = np.random.default_rng(2)
    reference = histogram(list(rng.normal(size=1000)))
    found = shift("ita", binned(reference, list(rng.normal(1, 1, size=120))), reference.counts)
    assert found.level is Level.DRIFT
    assert found.corrected == pytest.approx(1, abs=0.5)
    assert found.ks == pytest.approx(0.38, abs=0.15)


def test_too_few_are_not_judged() -> None:
    reference = histogram(list(range(200)))
    few = binned(reference, [float(i) for i in range(199)])
    assert LEAST > 199 * 200 / 399
    assert shift("ita", few, reference.counts) == shift("ita", few, reference.counts).model_copy(update={"psi": None})
    assert shift("ita", few, reference.counts).level is Level.TOO_FEW
    assert shift("ita", [0] * len(few), reference.counts).level is Level.TOO_FEW


def test_categories_are_bins_as_they_are() -> None:
    found = shift("decision", [20, 160, 20, 0], [30, 100, 60, 10], ordered=False)
    assert found.psi == pytest.approx(psi([20, 160, 20, 0], [30, 100, 60, 10]), abs=1e-4)
    assert found.ks is None


def test_thresholds() -> None:
    assert [level(each) for each in (0, 0.0999, 0.1, 0.2499, 0.25)] == [
        Level.STABLE, Level.STABLE, Level.WATCH, Level.WATCH, Level.DRIFT,
    ]  # fmt: skip
