"""What to do next, and what is right with the photo, in plain words for people, by the answer that they got."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.languages import mark, said
from nevus.domain import Decision, Prediction, Result, Status
from nevus.quality import QualityLimits, problems
from nevus.review import SECOND_UNUSABLE

APPOINTMENT = (
    mark("Ask your doctor or a skin doctor for an appointment in the next few weeks."),
    mark("Ask for an earlier one if the spot bleeds, hurts, grows or changes quickly."),
    mark("Show this page there, or print it and take it with you."),
)
NO_SIGN = mark(
    "This does not mean that the spot is bad: Nevus knows too little about photos like this one to judge it."
)
KEEP_LOOKING = (
    mark("Look at the spot again in about a month, and take another photo of it in the same light."),
    mark("See a doctor if the spot changes in size, shape or colour, itches or bleeds, or if it worries you."),
    mark("Nevus misses some dangerous spots. Trust your own eyes more than this answer."),
)
RETAKE = (
    mark("Take the photo in daylight, a hand's width away, and hold the camera still."),
    mark("Put the spot in the middle. It should fill about a third of the picture."),
    mark("If you cannot get a better photo, have the spot seen by a doctor instead."),
)
VISIT = (mark("Two photos could not be used. Please have the spot seen by a doctor; do not wait for a better photo."),)
WAIT = (
    mark("You do not need to send the photo again. It is stored, and it will be assessed as soon as possible."),
    mark("You can close this page and come back later: the answer will be here."),
    mark("If the spot worries you, do not wait for the answer. Have it seen by a doctor."),
)
AGAIN = (
    mark("Something went wrong while the photo was assessed. This says nothing about the spot."),
    mark("Please take another photo and try once more."),
    mark("If it fails again or the spot worries you, have it seen by a doctor."),
)

CHECKS: tuple[tuple[str, frozenset[str]], ...] = (
    (mark("Light"), frozenset({"dark", "overexposed"})),
    (mark("Focus"), frozenset({"blurred"})),
    (mark("Skin in the picture"), frozenset({"no_skin"})),
    (mark("Spot in the middle"), frozenset({"empty", "no_lesion"})),
)


@dataclass(frozen=True)
class Check:
    """A thing that a photo needs, and whether it has it."""

    name: str
    good: bool


def next_steps(record: Prediction) -> tuple[str, ...]:
    """Plain sentences, the most important one first."""
    return tuple(map(said, _steps(record)))


def _steps(record: Prediction) -> tuple[str, ...]:
    result = record.result
    if record.status is Status.FAILED:
        return AGAIN
    if record.status is Status.PENDING or result is None:
        return WAIT
    if result.decision is Decision.REJECTED:
        return VISIT if SECOND_UNUSABLE in result.reasons else RETAKE
    if result.decision is Decision.ROUTINE:
        return KEEP_LOOKING
    return (NO_SIGN, *APPOINTMENT) if beyond_evidence(result) else APPOINTMENT


def beyond_evidence(result: Result) -> bool:
    """Whether it was referred because nothing is known of such photos, not by the model's reading."""
    return result.decision is Decision.REFER and ("unfamiliar" in result.reasons or not result.intended_use.ok)


def photo_checks(result: Result, limits: QualityLimits) -> tuple[Check, ...]:
    """What was looked at before the photo was read."""
    failed = set(problems(result.quality, limits))
    return tuple(Check(said(name), not failed & codes) for name, codes in CHECKS)
