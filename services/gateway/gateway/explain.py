"""What an answer is worth: frequencies among 1,000 people at a stated prevalence, never one person's risk."""

from __future__ import annotations

import math
from dataclasses import dataclass

from babel.numbers import format_percent

from gateway.languages import _, current, mark, said
from nevus.calibration import Calibration, MeasuredPoint, predictive_values
from nevus.domain import Decision, Prediction, Result
from nevus.registry import Manifest

ROUTINE_POINT = "sensitivity_95"
PEOPLE = 1000
AFTER_REFER = mark(
    "Where %(share)s of the spots that people photograph are malignant, about %(malignant)s out of %(people)s people "
    "who get the answer “have it seen” have a malignant spot."
)
AFTER_OTHERS = mark(
    "Where %(share)s of the spots that people photograph are malignant, about %(malignant)s out of %(people)s people "
    "who get this answer have a malignant spot."
)


@dataclass(frozen=True)
class Worth:
    """Of 1,000 people who get this answer, `malignant` have a malignant spot, where `prevalence` of all spots are."""

    decision: Decision
    malignant: int
    prevalence: float

    @property
    def sentence(self) -> str:
        """In plain words."""
        values = {"share": format_percent(self.prevalence, locale=current().locale), "malignant": self.malignant}
        return _(AFTER_REFER if self.decision is Decision.REFER else AFTER_OTHERS, **values, people=PEOPLE)


@dataclass(frozen=True)
class Values:
    """Of 1,000 people who are told `refer` or `routine`, how many have a malignant spot, at a prevalence."""

    refer: int
    routine: int
    prevalence: float


def values(prediction: Prediction, manifest: Manifest, prevalence: float) -> Values | None:
    """What either answer is worth, by the constants that the result was read by; None where there is no result."""
    if prediction.result is None:
        return None
    constants, point = constants_of(prediction.result, manifest), prediction.result.operating_point.name
    refer = _values(constants.point(point), prevalence)[0]
    routine = 1 - _values(constants.point(ROUTINE_POINT), prevalence)[1]
    if math.isnan(refer) or math.isnan(routine):
        return None
    return Values(round(refer * PEOPLE), math.ceil(routine * PEOPLE), prevalence)


def worth(prediction: Prediction, manifest: Manifest, prevalence: float) -> Worth | None:
    """The predictive value behind a decision; None where it does not rest on the model's reading alone."""
    found, result = values(prediction, manifest, prevalence), prediction.result
    if found is None or result is None:
        return None
    if result.decision is Decision.ROUTINE:
        return Worth(result.decision, found.routine, prevalence)
    if result.decision is Decision.REFER and "over_threshold" in result.reasons:
        return Worth(result.decision, found.refer, prevalence)
    return None


def constants_of(result: Result, manifest: Manifest) -> Calibration:
    """The constants that the result was read by, known by its operating point."""
    point = result.operating_point
    matching = [c for c in manifest.modalities.values() if c.point(point.name).threshold == point.threshold]
    return (matching or list(manifest.modalities.values()))[0]


def _values(point: MeasuredPoint, prevalence: float) -> tuple[float, float]:
    return predictive_values(point.measured_sensitivity, point.specificity, prevalence)


def limits(manifest: Manifest) -> tuple[str, ...]:
    """The limits of intended use, in plain words."""
    use = manifest.intended_use
    known = {"age": use.min_age, "types": ", ".join(ROMAN[number] for number in use.fitzpatrick)}
    sites = ", ".join(said(SITES.get(site, site)) for site in use.excluded_sites)
    return (
        _("It finds signs that a doctor should look. It makes no diagnosis, and it misses some dangerous spots."),
        _("It knows enough only about adults from %(age)s years on with the skin types %(types)s.", **known),
        _("It knows nothing about spots on these parts of the body: %(sites)s.", sites=sites),
    )


SITES = {
    "genital": mark("genitals"),
    "oral": mark("mouth"),
    "mucosa": mark("lips and the inside of the nose"),
    "nail": mark("nails"),
    "eye": mark("eyes"),
}
ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI"}
