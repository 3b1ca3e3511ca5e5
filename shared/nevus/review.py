"""Which records a clinician should look at first: a pure function, stored with the record as a number.

Without a diagnosis (1000 and more) before those with one. Among the former what the model was unsure of, or what the
photos of one case disagree on; among the latter what model and clinician disagree on. docs/drift.md has the table.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from nevus.domain import Decision, Diagnosis, Prediction, Result, Status

UNDIAGNOSED = 1000
CASE_DISAGREES = 400  # another photo of the case was answered the other way
INDETERMINATE = 300
SECOND_UNUSABLE = "second_unusable"  # the reason of a second unusable photo of a case
NOT_ASSESSED = 250  # unusable twice, or never assessed: nobody has an answer
UNFAMILIAR = 100
NEAR_THRESHOLD = 200  # at the threshold, falling to 0 at NEAR log-odds from it
NEAR = 2.0
MISSED, OVERCALLED = 500, 300
CALLS = frozenset({Decision.REFER, Decision.INDETERMINATE})


def priority(record: Prediction, case: Collection[Decision] = ()) -> int | None:
    """Higher is earlier; None while pending. `case` are the decisions on the other photos of its case."""
    if record.status is Status.PENDING:
        return None
    if record.diagnosis:
        return disagreement(record.result, record.diagnosis)
    return UNDIAGNOSED + (doubt(record.result, case) if record.result else NOT_ASSESSED)


def disagreement(result: Result | None, diagnosis: Diagnosis) -> int:
    """What a diagnosis says of the decision: a missed malignancy first, then a needless referral, then agreement."""
    if result is None or result.decision is Decision.REJECTED:
        return 0
    if result.decision is Decision.ROUTINE:
        return MISSED if diagnosis.malignant else 0
    return 0 if diagnosis.malignant else OVERCALLED


def doubt(result: Result, case: Collection[Decision]) -> int:
    """How unsure an answer is, and whether other photos of its case were answered the other way."""
    if result.decision is Decision.REJECTED:
        return NOT_ASSESSED if SECOND_UNUSABLE in result.reasons else 0
    others = CALLS if result.decision is Decision.ROUTINE else {Decision.ROUTINE}
    return (
        (CASE_DISAGREES if others & set(case) else 0)
        + (INDETERMINATE if result.decision is Decision.INDETERMINATE else 0)
        + (UNFAMILIAR if "unfamiliar" in result.reasons else 0)
        + nearness(result)
    )


def nearness(result: Result) -> int:
    """0 to NEAR_THRESHOLD by the distance of probability and threshold in log-odds."""
    if result.probability is None:
        return 0
    distance = abs(log_odds(result.probability) - log_odds(result.operating_point.threshold))
    return round(NEAR_THRESHOLD * max(0.0, 1 - distance / NEAR))


def log_odds(probability: float) -> float:
    """Of a probability, kept away from 0 and 1."""
    kept = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))
