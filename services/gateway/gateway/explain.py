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

SITES = (mark("genital"), mark("oral"), mark("mucosa"), mark("nail"), mark("eye"))  # that a manifest may exclude


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
    sites = ", ".join(map(said, use.excluded_sites))
    return (
        _("It finds signs that a doctor should look; it makes no diagnosis, and it misses some malignant spots."),
        _(
            "There is evidence for adults from %(age)s years on, and for the skin types %(types)s.",
            age=use.min_age,
            types=types,
        ),
        _("There is none for these parts of the body: %(sites)s.", sites=sites),
    )


ROMAN = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI"}
