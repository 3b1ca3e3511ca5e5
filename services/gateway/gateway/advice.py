"""What a result means, in plain words; pages and the API say the same, each in its language. One table of reasons."""

from __future__ import annotations

from gateway.languages import mark, said
from nevus.domain import Decision, Prediction, Result, Status
from nevus.review import SECOND_UNUSABLE

SAFETY_NET = mark("If it changes, bleeds or worries you, have it seen.")
NOT_ASSESSED = mark("Not assessed; if the spot worries you, have it seen.")

HEADLINES: dict[Decision, str] = {
    Decision.REJECTED: mark("This photo cannot be assessed. Please take another one."),
    Decision.REFER: mark("Please have this spot seen by a doctor."),
    Decision.INDETERMINATE: mark("The result is not clear. Please have this spot seen by a doctor."),
    Decision.ROUTINE: mark("Nothing here calls for a visit on its own."),
}

REASONS: dict[str, str] = {
    "empty": mark(
        "There is hardly anything to see in the photo. Centre the spot and fill about a third of the picture."
    ),
    "dark": mark("The photo is too dark. Take it in daylight or under a bright lamp."),
    "overexposed": mark("The photo is too bright or has glare. Avoid the flash and direct light."),
    "blurred": mark("The photo is blurred. Hold the camera still, a hand's width away, and tap on the spot to focus."),
    "no_skin": mark("No skin was found in the photo. Fill the picture with the spot and the skin around it."),
    "no_lesion": mark("No spot stands out from the skin. Put the spot into the middle, with some skin around it."),
    SECOND_UNUSABLE: mark(
        "This is the second photo of this spot that cannot be used. Please have the spot seen instead."
    ),
    "unfamiliar": mark("The photo is unlike those that the model learned from, so that its reading is worth little."),
    "modality_without_evidence": mark("The model has not learned from photos of this kind."),
    "age_below_minimum": mark("The model has no evidence for people under 18."),
    "skin_type_without_evidence": mark("The model has too little evidence for this skin type."),
    "skin_tone_without_evidence": mark("The model has too little evidence for skin of the tone in this photo."),
    "site_without_evidence": mark("The model has no evidence for this part of the body."),
    "over_threshold": mark("The model finds features that malignant spots show more often."),
    "only_malignant_fits": mark("The photo fits only malignant spots that the model knows."),
    "only_benign_fits": mark("The photo fits only benign spots that the model knows."),
    "both_fit": mark("The photo fits both benign and malignant spots that the model knows."),
    "neither_fits": mark("The photo fits neither the benign nor the malignant spots that the model knows."),
}


def advice(result: Result) -> tuple[str, ...]:
    """The headline, every reason, and for a routine answer the safety net last; plain sentences."""
    last = (SAFETY_NET,) if result.decision is Decision.ROUTINE else ()
    return tuple(map(said, (HEADLINES[result.decision], *(REASONS[reason] for reason in result.reasons), *last)))


def advice_for(prediction: Prediction) -> tuple[str, ...]:
    """As `advice`; a pending or failed prediction says that nothing was assessed."""
    if prediction.status is not Status.COMPLETE or prediction.result is None:
        return (said(NOT_ASSESSED),)
    return advice(prediction.result)
