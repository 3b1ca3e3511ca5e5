"""What the command's exit status says. 0 is only ever said where nothing calls for a visit."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from nevus_client.answers import Decision, Prediction, Status
from nevus_client.errors import Busy, NevusError, Unreachable


class Exit(IntEnum):
    """Statuses, beside 2 for a command that is not one and 130 after Ctrl-C."""

    ROUTINE = 0  # every photo; for commands without a photo: done
    REFUSED = 1  # by the service, or a file cannot be read
    UNREACHABLE = 3  # or busy: the same command again may do better
    SEE_A_DOCTOR = 10  # refer or indeterminate
    RETAKE = 11  # a photo that cannot be assessed
    NOT_ASSESSED = 12  # pending still, or failed


WORST_FIRST = (Exit.UNREACHABLE, Exit.REFUSED, Exit.SEE_A_DOCTOR, Exit.NOT_ASSESSED, Exit.RETAKE)
OF_DECISION = {
    Decision.REFER: Exit.SEE_A_DOCTOR,
    Decision.INDETERMINATE: Exit.SEE_A_DOCTOR,
    Decision.REJECTED: Exit.RETAKE,
    Decision.ROUTINE: Exit.ROUTINE,
}


def of_answer(status: str, decision: str | None) -> Exit:
    """Of one photo."""
    return OF_DECISION[Decision(decision)] if status == Status.COMPLETE and decision else Exit.NOT_ASSESSED


def of_prediction(prediction: Prediction) -> Exit:
    """Of one photo."""
    return of_answer(prediction.status, prediction.result.decision if prediction.result else None)


def of_error(error: NevusError | OSError) -> Exit:
    """Of one that was not answered."""
    return Exit.UNREACHABLE if isinstance(error, Busy | Unreachable) else Exit.REFUSED


def worst(found: Iterable[Exit]) -> Exit:
    """Of many photos: what was not answered first, since those may be tried again."""
    there = set(found)
    return next((each for each in WORST_FIRST if each in there), Exit.ROUTINE)
