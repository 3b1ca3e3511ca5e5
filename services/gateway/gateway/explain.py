"""What an answer is worth: frequencies among 1,000 people at a stated prevalence, never one person's risk."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nevus.calibration import Calibration, MeasuredPoint, predictive_values
from nevus.domain import Decision, Prediction, Result
from nevus.registry import Manifest

ROUTINE_POINT = "sensitivity_95"
PEOPLE = 1000


@dataclass(frozen=True)
class Worth:
    """Of 1,000 people who get this answer, `malignant` have a malignant spot, where `prevalence` of all spots are."""

    decision: Decision
    malignant: int
    prevalence: float

    @property
    def sentence(self) -> str:
        """In plain words."""
        told = "the answer “have it seen”" if self.decision is Decision.REFER else "this answer"
        among = f"Where {self.prevalence:.0%} of the spots that people photograph are malignant"
        return f"{among}, about {self.malignant} out of 1,000 people who get {told} have a malignant spot."


def worth(prediction: Prediction, manifest: Manifest, prevalence: float) -> Worth | None:
    """The predictive value behind a decision; None where it does not rest on the model's reading alone."""
    result = prediction.result
    if result is None:
        return None
    constants = constants_of(result, manifest)
    if result.decision is Decision.ROUTINE:
        return _share(result, _values(constants.point(ROUTINE_POINT), prevalence)[1], prevalence, absent=True)
    if result.decision is Decision.REFER and "over_threshold" in result.reasons:
        return _share(result, _values(constants.point(result.operating_point.name), prevalence)[0], prevalence)
    return None


def constants_of(result: Result, manifest: Manifest) -> Calibration:
    """The constants that the result was read by, known by its operating point."""
    point = result.operating_point
    matching = [c for c in manifest.modalities.values() if c.point(point.name).threshold == point.threshold]
    return (matching or list(manifest.modalities.values()))[0]


def _values(point: MeasuredPoint, prevalence: float) -> tuple[float, float]:
    return predictive_values(point.measured_sensitivity, point.specificity, prevalence)


def _share(result: Result, value: float, prevalence: float, *, absent: bool = False) -> Worth | None:
    if math.isnan(value):
        return None
    share = 1 - value if absent else value
    return Worth(result.decision, math.ceil(share * PEOPLE) if absent else round(share * PEOPLE), prevalence)


def limits(manifest: Manifest) -> tuple[str, ...]:
    """The limits of intended use, in plain words."""
    use = manifest.intended_use
    types = ", ".join(ROMAN[number] for number in use.fitzpatrick)
    return (
        "It finds signs that a doctor should look; it makes no diagnosis, and it misses some malignant spots.",
        f"There is evidence for adults from {use.min_age} years on, and for the skin types {types}.",
        f"There is none for these parts of the body: {', '.join(use.excluded_sites)}.",
    )


ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI"}
