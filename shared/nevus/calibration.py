"""From a logit to a calibrated probability and a conformal set; from an embedding to an OOD score.

Scale and bias on the logit: Platt (1999). Class-conditional split conformal sets: Vovk, ACML 2012.
OOD: Mahalanobis distance in the principal subspace plus the residual outside of it, as in Wang et al., ViM, CVPR 2022.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nevus.domain import FloatArray, Frozen, OperatingPoint


class MeasuredPoint(OperatingPoint):
    """An operating point with what it showed on the calibration photos."""

    measured_sensitivity: float
    specificity: float


class Calibration(Frozen):
    """Constants of one modality.

    A class is in the conformal set of a probability p unless p < `malignant_quantile` (malignant)
    or p > `benign_quantile` (benign).
    """

    scale: float
    bias: float
    malignant_quantile: float
    benign_quantile: float
    operating_points: tuple[MeasuredPoint, ...]

    def probability(self, logit: float) -> float:
        """Calibrated malignancy probability, 0..1, at the data's prevalence."""
        z = self.scale * logit + self.bias
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

    def conformal_set(self, probability: float) -> tuple[str, ...]:
        """The classes that cannot be ruled out."""
        malignant = ("malignant",) if probability >= self.malignant_quantile else ()
        benign = ("benign",) if probability <= self.benign_quantile else ()
        return malignant + benign

    def point(self, name: str) -> MeasuredPoint:
        """Raises KeyError for a name that this version does not have."""
        for point in self.operating_points:
            if point.name == name:
                return point
        raise KeyError(name)


@dataclass(frozen=True)
class OodStatistics:
    """`mean` (d,), `factor` (d, k) whitening projection, `basis` (d, k) orthonormal, `residual_scale` scalar."""

    mean: FloatArray
    factor: FloatArray
    basis: FloatArray
    residual_scale: float

    def score(self, embedding: FloatArray) -> float:
        """About 1 for a training photo, growing with distance; `embedding` is (d,), or a texture."""
        centred = embedding - self.mean
        inside = float(np.mean((centred @ self.factor) ** 2))
        outside = centred - self.basis @ (self.basis.T @ centred)
        return math.sqrt((inside + float(outside @ outside) / self.residual_scale) / 2)


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """PPV and NPV by Bayes' rule at a stated prevalence (0..1); NaN where a test never answers so."""
    true_positive, false_positive = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    true_negative, false_negative = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    positive, negative = true_positive + false_positive, true_negative + false_negative
    ppv = true_positive / positive if positive else math.nan
    npv = true_negative / negative if negative else math.nan
    return ppv, npv
