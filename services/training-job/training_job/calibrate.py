"""The constants of a version, from validation photos alone: calibration, operating points, conformal and OOD limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nevus.calibration import Calibration, MeasuredPoint, OodStatistics
from nevus.domain import Quality
from nevus.quality import QualityLimits

Floats = NDArray[np.floating]
SENSITIVITIES = (0.95, 0.90)
MALIGNANT_ERROR, BENIGN_ERROR = 0.05, 0.10
COMPONENTS = 48
LEAST_SPREAD = 1e-3  # of a principal direction, relative to the first
OOD_KEPT = 0.99
QUALITY_REJECTED = 0.002
SPOTLESS = 0.004
LOOSEST = QualityLimits(
    min_sharpness=1.8,
    min_brightness=0.18,
    max_brightness=0.93,
    min_contrast=0.025,
    max_glare=0.2,
    min_skin=0.1,
    min_spot=5.2,
)


def sigmoid(z: Floats) -> Floats:
    """Elementwise, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def fit_scale_and_bias(logits: Floats, labels: Floats) -> tuple[float, float]:
    """Platt (1999): logistic regression of the label on the logit, with his smoothed targets, by Newton's method.

    A step that would make it worse is halved until it does not (Lin, Lin and Weng, Machine Learning 2007): logits far
    from the labels would otherwise send it off to any number.
    """
    positives, negatives = float(labels.sum()), float((1 - labels).sum())
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.column_stack([logits, np.ones_like(logits)])
    found = np.array([1.0, 0.0])
    for _ in range(100):
        p = sigmoid(design @ found)
        gradient = design.T @ (p - target)
        curvature = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        change = np.linalg.solve(curvature, gradient)
        before = _cross_entropy(design @ found, target)
        while np.abs(change).max() > 1e-9 and _cross_entropy(design @ (found - change), target) > before + 1e-9:
            change /= 2
        found -= change
        if np.abs(change).max() < 1e-9:
            break
    return float(found[0]), float(found[1])


def _cross_entropy(logits: Floats, target: Floats) -> float:
    return float((np.logaddexp(0, logits) - target * logits).sum())


def threshold_at(sensitivity: float, positives: Floats) -> float:
    """The largest threshold that at least this share of malignant photos reaches."""
    ordered = np.sort(positives)
    missed = int(np.floor((1 - sensitivity) * len(ordered) + 1e-9))
    return float(ordered[missed])


def conformal_quantiles(probabilities: Floats, labels: Floats) -> tuple[float, float]:
    """Class-conditional split conformal limits with the finite-sample correction (Vovk, 2012).

    Malignant stays in the set from the first on, benign up to the second; with too few photos nothing is excluded.
    """
    malignant, benign = np.sort(probabilities[labels == 1]), np.sort(probabilities[labels == 0])
    below = int(np.floor(MALIGNANT_ERROR * (len(malignant) + 1)))
    above = int(np.floor(BENIGN_ERROR * (len(benign) + 1)))
    lower = float(malignant[below - 1]) if below else 0.0
    upper = float(benign[len(benign) - above]) if above else 1.0
    return lower, upper


def calibrate(logits: Floats, labels: Floats) -> Calibration:
    """All constants of one modality; raises ValueError unless both classes are there."""
    if not 0 < labels.sum() < len(labels):
        raise ValueError("calibration needs malignant and benign photos")
    scale, bias = fit_scale_and_bias(logits, labels)
    if scale <= 0:
        raise ValueError("the model ranks malignant photos below benign ones")
    p = sigmoid(scale * logits + bias)
    lower, upper = conformal_quantiles(p, labels)
    return Calibration(
        scale=scale,
        bias=bias,
        malignant_quantile=lower,
        benign_quantile=upper,
        operating_points=tuple(operating_point(each, p, labels) for each in SENSITIVITIES),
    )


def operating_point(sensitivity: float, probabilities: Floats, labels: Floats) -> MeasuredPoint:
    """The point for a sensitivity, with what it showed on these photos."""
    threshold = threshold_at(sensitivity, probabilities[labels == 1])
    return MeasuredPoint(
        name=f"sensitivity_{round(100 * sensitivity)}",
        sensitivity=sensitivity,
        threshold=threshold,
        measured_sensitivity=float((probabilities[labels == 1] >= threshold).mean()),
        specificity=float((probabilities[labels == 0] < threshold).mean()),
    )


def ood_statistics(embeddings: Floats) -> OodStatistics:
    """Principal subspace of the training embeddings (n, d), whitened, and the typical residual outside of it.

    Directions in which the photos hardly differ are whitened as if they differed a little, so that a few photos that
    are alike give no infinite distances.
    """
    mean = embeddings.mean(axis=0)
    centred = (embeddings - mean) / np.sqrt(len(embeddings))
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    kept = min(COMPONENTS, len(spread) - 1)
    basis = directions[:kept].T
    floor = max(LEAST_SPREAD * float(spread[0]), LEAST_SPREAD / 10)
    residual = float((spread[kept:] ** 2).sum())
    return OodStatistics(
        mean=mean.astype(np.float32),
        factor=(basis / np.maximum(spread[:kept], floor)).astype(np.float32),
        basis=basis.astype(np.float32),
        residual_scale=max(residual, 1e-9),
    )


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """The smallest value with at least this share of the weight at or below it."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])


def quality_limits(measured: Sequence[Quality], weights: Floats) -> QualityLimits:
    """Limits that a good photo of the validation split almost never fails, and never stricter than `LOOSEST`.

    A dark dermoscope's rim or pale skin is no fault of a photo, though a small collection may hold few of them.
    """

    def at(name: str, share: float) -> float:
        values = np.array([getattr(quality, name) for quality in measured])
        return round(weighted_quantile(values, weights, share), 4)

    low, high = QUALITY_REJECTED, 1 - QUALITY_REJECTED
    return QualityLimits(
        min_sharpness=min(LOOSEST.min_sharpness, at("sharpness", low)),
        min_brightness=min(LOOSEST.min_brightness, at("brightness", low)),
        max_brightness=max(LOOSEST.max_brightness, at("brightness", high)),
        min_contrast=min(LOOSEST.min_contrast, at("contrast", low)),
        max_glare=max(LOOSEST.max_glare, at("glare", high)),
        min_skin=min(LOOSEST.min_skin, at("skin", low)),
        min_spot=min(LOOSEST.min_spot, at("spot", SPOTLESS)),
    )
