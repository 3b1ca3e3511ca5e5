"""The clinicians' worklist: how urgent a record is, a pure function of it, and what of the list is wanted.

Both stores keep the number beside the record as they write it, so that a page is one read of an index.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from nevus.domain import Decision, Frozen, Modality, Prediction, Status
from nevus.review import CALLS, SECOND_UNUSABLE, disagreement


class Urgency(IntEnum):
    """Higher is earlier; up to `DISAGREED` a clinician has seen it."""

    AGREED = 0
    DISAGREED = 1
    ROUTINE = 2
    UNUSABLE = 3
    PENDING = 4
    UNANSWERED = 5
    CALLED = 6


class Reviewed(StrEnum):
    """Whether a clinician has confirmed a diagnosis; `disagreed`: one that the decision does not agree with."""

    OPEN = "open"
    DONE = "done"
    DISAGREED = "disagreed"


RANGES = {
    None: (Urgency.AGREED, Urgency.CALLED),
    Reviewed.OPEN: (Urgency.ROUTINE, Urgency.CALLED),
    Reviewed.DONE: (Urgency.AGREED, Urgency.DISAGREED),
    Reviewed.DISAGREED: (Urgency.DISAGREED, Urgency.DISAGREED),
}


class Wanted(Frozen):
    """A part of the worklist; None is no condition. `answer` is a decision, or why there is none."""

    answer: Decision | Status | None = None
    modality: Modality | None = None
    reviewed: Reviewed | None = None

    @property
    def urgency(self) -> tuple[int, int]:
        """From and up to."""
        return RANGES[self.reviewed]

    @property
    def equal(self) -> dict[str, str]:
        """What a record's searched fields must be."""
        wanted: dict[str, str] = {}
        if self.answer is not None:
            wanted["status" if isinstance(self.answer, Status) else "decision"] = self.answer.value
        if self.modality is not None:
            wanted["modality"] = self.modality.value
        return wanted


def urgency(record: Prediction) -> Urgency:
    """What is called to be seen first, then what nobody has an answer to; what has a diagnosis last."""
    if record.diagnosis is not None:
        apart = disagreement(record.result, record.diagnosis)
        return Urgency.DISAGREED if apart else Urgency.AGREED
    if record.status is Status.PENDING:
        return Urgency.PENDING
    if record.result is None:
        return Urgency.UNANSWERED
    return answered(record.result.decision, record.result.reasons)


def answered(decision: Decision, reasons: tuple[str, ...]) -> Urgency:
    """Of a result that no clinician has seen."""
    if decision in CALLS:
        return Urgency.CALLED
    if decision is Decision.ROUTINE:
        return Urgency.ROUTINE
    return Urgency.UNANSWERED if SECOND_UNUSABLE in reasons else Urgency.UNUSABLE
