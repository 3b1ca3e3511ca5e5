"""The decision: a pure function of what was measured, what was said about the photo, and the model's constants."""

from __future__ import annotations

from dataclasses import dataclass

from nevus.domain import (
    Context,
    Decision,
    IntendedUseCheck,
    Measurement,
    Modality,
    Ood,
    OperatingPoint,
    Result,
)
from nevus.quality import problems
from nevus.registry import IntendedUse, Manifest
from nevus.skin_tone import skin_type

DEFAULT_POINT = "sensitivity_90"


@dataclass(frozen=True)
class Reading:
    """A logit read by one modality's constants."""

    modality: Modality
    probability: float
    conformal_set: tuple[str, ...]
    point: OperatingPoint

    @property
    def decision(self) -> tuple[Decision, str]:
        """The decision by probability and set alone, with its reason."""
        if self.probability >= self.point.threshold:
            return Decision.REFER, "over_threshold"
        if self.conformal_set == ("malignant",):
            return Decision.REFER, "only_malignant_fits"
        if self.conformal_set == ("benign",):
            return Decision.ROUTINE, "only_benign_fits"
        return Decision.INDETERMINATE, "both_fit" if self.conformal_set else "neither_fits"


CAUTION = (Decision.ROUTINE, Decision.INDETERMINATE, Decision.REFER)


def read(logit: float, modality: Modality, manifest: Manifest, point_name: str) -> Reading:
    """Read a logit by the constants of one modality."""
    constants = manifest.modalities[modality]
    probability = constants.probability(logit)
    point = constants.point(point_name)
    shown = OperatingPoint(name=point.name, sensitivity=point.sensitivity, threshold=point.threshold)
    return Reading(modality, probability, constants.conformal_set(probability), shown)


def cautious_reading(logit: float, modality: Modality | None, manifest: Manifest, point_name: str) -> Reading:
    """The stated modality's reading; without one that the model knows, the more cautious of all, then the higher."""
    modalities = (modality,) if modality in manifest.modalities else tuple(manifest.modalities)
    readings = [read(logit, each, manifest, point_name) for each in modalities]
    return max(readings, key=lambda r: (CAUTION.index(r.decision[0]), r.probability))


def check_intended_use(context: Context, ita: float | None, manifest: Manifest) -> IntendedUseCheck:
    """Which limits of the evidence the photo is beyond."""
    use, site = manifest.intended_use, (context.site or "").lower()
    checks = (
        ("modality_without_evidence", context.modality is not None and context.modality not in manifest.modalities),
        ("age_below_minimum", context.age is not None and context.age < use.min_age),
        ("skin_type_without_evidence", context.fitzpatrick is not None and context.fitzpatrick not in use.fitzpatrick),
        ("skin_tone_without_evidence", context.fitzpatrick is None and not tone_has_evidence(ita, use)),
        ("site_without_evidence", any(excluded in site for excluded in use.excluded_sites)),
    )
    violations = tuple(name for name, beyond in checks if beyond)
    return IntendedUseCheck(ok=not violations, violations=violations)


def tone_has_evidence(ita: float | None, use: IntendedUse) -> bool:
    """Whether photos that suggest the same type have been seen; `ita` is None where it cannot be measured."""
    return (skin_type(ita) if ita is not None else 0) in use.estimates and (ita is None or ita >= use.min_ita)


def decide(
    measurement: Measurement, context: Context, manifest: Manifest, *, point_name: str = DEFAULT_POINT
) -> Result:
    """The first rule that fits: unusable, beyond intended use or unfamiliar, over the threshold, the conformal set."""
    reading = cautious_reading(measurement.logit, context.modality, manifest, point_name)
    use = check_intended_use(context, measurement.skin_tone.ita, manifest)
    ood = Ood(score=round(measurement.ood_score, 4), threshold=manifest.ood_threshold)
    unusable = problems(measurement.quality, manifest.quality)
    beyond = use.violations + (("unfamiliar",) if ood.score > ood.threshold else ())
    decision, reason = reading.decision
    reasons: tuple[str, ...] = (reason,)
    if unusable:
        decision, reasons = Decision.REJECTED, unusable
    elif beyond:
        decision, reasons = Decision.REFER, beyond
    return Result(
        probability=None if unusable else reading.probability,
        decision=decision,
        reasons=reasons,
        conformal_set=() if unusable else reading.conformal_set,
        operating_point=reading.point,
        quality=measurement.quality,
        ood=ood,
        skin_tone=measurement.skin_tone,
        intended_use=use,
    )
