"""Figures of merit and constants against what is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nevus.calibration import predictive_values
from nevus.measure import TEXTURE, read_statistics
from training_job.calibrate import calibrate, conformal_quantiles, fit_scale_and_bias, sigmoid, threshold_at
from training_job.constants import Pass, ood_threshold, pack
from training_job.data import Row
from training_job.metrics import auroc, ece, ece_if_perfect, resampled, specificity_at


def test_auroc_of_order_ties_and_chance() -> None:
    labels = np.array([0, 0, 1, 1])
    assert auroc(labels, np.array([0.1, 0.2, 0.8, 0.9])) == 1
    assert auroc(labels, np.array([0.9, 0.8, 0.2, 0.1])) == 0
    assert auroc(labels, np.array([0.5, 0.5, 0.5, 0.5])) == 0.5
    assert np.isnan(auroc(np.array([1, 1]), np.array([0.1, 0.2])))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=40))
def test_auroc_is_the_share_of_pairs_in_order(pairs: list[tuple[bool, float]]) -> None:
    labels, scores = np.array([a for a, _ in pairs], int), np.array([b for _, b in pairs])
    above = [np.sign(p - n) / 2 + 0.5 for p in scores[labels == 1] for n in scores[labels == 0]]
    if above:
        assert auroc(labels, scores) == pytest.approx(np.mean(above))


def test_scale_and_bias_are_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    labels = (rng.random(20_000) < sigmoid(0.7 * logits - 1.2)).astype(float)
    scale, bias = fit_scale_and_bias(logits, labels)
    assert scale == pytest.approx(0.7, abs=0.05)
    assert bias == pytest.approx(-1.2, abs=0.05)


@pytest.mark.parametrize(("scale", "bias"), [(0.2, 3.0), (0.3, -3.0), (2.0, 9.0), (0.1, 0.0)])
def test_logits_far_from_their_labels_still_have_one_line(scale: float, bias: float) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(-5, 1.5, 4000)
    labels = (rng.random(4000) < sigmoid(scale * (logits + 5) + bias)).astype(float)
    found = fit_scale_and_bias(logits, labels)
    assert found[0] == pytest.approx(scale, abs=0.2)
    assert found[1] == pytest.approx(bias + 5 * scale, abs=1)


def test_calibrated_probabilities_show_little_error() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(5000)
    labels = (rng.random(5000) < p).astype(int)
    assert ece(labels, p) < 0.03
    assert ece(labels, p) == pytest.approx(ece_if_perfect(p), abs=0.02)
    assert ece(labels, np.clip(p + 0.2, 0, 1)) > 0.1


@given(st.integers(1, 400), st.sampled_from([0.9, 0.95]))
def test_a_threshold_keeps_its_sensitivity(n: int, sensitivity: float) -> None:
    positives = np.random.default_rng(n).random(n)
    assert (positives >= threshold_at(sensitivity, positives)).mean() >= sensitivity - 1e-9


def test_conformal_sets_cover_as_promised() -> None:
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(300):
        labels = np.repeat([0, 1], [150, 60])
        p = np.clip(rng.normal(0.3 + 0.3 * labels, 0.15), 0, 1)
        lower, _ = conformal_quantiles(p, labels)
        covered.append(np.clip(rng.normal(0.6, 0.15, 50), 0, 1) >= lower)
    assert np.mean(covered) >= 0.945


def test_with_too_few_photos_nothing_is_excluded() -> None:
    assert conformal_quantiles(np.array([0.2, 0.8]), np.array([0, 1])) == (0.0, 1.0)


def test_a_model_that_ranks_the_wrong_way_is_refused() -> None:
    logits = np.linspace(-2, 2, 200)
    with pytest.raises(ValueError, match="ranks malignant"):
        calibrate(logits, (logits < 0).astype(float))


def test_specificity_at_a_sensitivity() -> None:
    labels = np.array([0] * 10 + [1] * 10)
    scores = np.concatenate([np.linspace(0, 0.9, 10), np.linspace(0.5, 1.4, 10)])
    assert specificity_at(0.9, labels, scores) == pytest.approx(0.6)


def test_whole_groups_are_resampled() -> None:
    groups = np.array(["a", "a", "b", "c", "c", "c"])
    for index in resampled(groups, 20, 0):
        counts = {name: int((groups[index] == name).sum()) for name in "abc"}
        assert counts["a"] % 2 == 0
        assert counts["c"] % 3 == 0


def test_predictive_values_at_two_percent() -> None:
    ppv, npv = predictive_values(0.9, 0.8, 0.02)
    assert ppv == pytest.approx(0.018 / (0.018 + 0.196))
    assert npv == pytest.approx(0.784 / (0.784 + 0.002))


@pytest.mark.parametrize("spread", [1.0, 1e-3, 0.0], ids=["unlike", "alike", "the same"])
def test_unfamiliar_is_told_in_finite_numbers_however_alike_a_few_photos_are(spread: float) -> None:
    rng = np.random.default_rng(3)
    embeddings = (rng.normal(size=64) + spread * rng.normal(size=(24, 64))).astype(np.float32)
    packed = pack(Pass(embeddings[:, 0], embeddings, embeddings[:, :20], [], []))
    for part, seen in (("", embeddings), (TEXTURE, embeddings[:, :20])):
        found = read_statistics(packed, part)
        near, far = found.score(seen[0]), found.score(seen[0] + 3)
        assert np.isfinite([near, far]).all()
        assert near < far


def test_nearly_all_photos_of_the_rarer_modality_are_familiar_too() -> None:
    rows = [Row("", Path(), 0, modality="clinical" if i < 100 else "dermoscopic") for i in range(1100)]
    distances = np.where(np.arange(1100) < 100, 2.0, 1.0) + np.arange(1100) % 100 / 1000
    assert ood_threshold(rows, distances, np.ones(1100)) == pytest.approx(2.098)
