"""The order of review: no diagnosis before any, doubt and disagreement before what is clear."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from tests.contract.predictions import moment, prediction, result

from nevus.domain import Decision, Diagnosis, Prediction, Status
from nevus.review import NEAR_THRESHOLD, SECOND_UNUSABLE, UNDIAGNOSED, nearness, priority


def answered(
    decision: Decision, probability: float | None = 0.001, *reasons: str, diagnosis: Diagnosis | None = None
) -> Prediction:
    told = result(decision).model_copy(update={"probability": probability, "reasons": reasons})
    return prediction(result=told, diagnosis=diagnosis)


def diagnosed(decision: Decision, *, malignant: bool) -> Prediction:
    found = Diagnosis(label="x", malignant=malignant, confirmed_by="cleo", confirmed_at=moment(0))
    return answered(decision, diagnosis=found)


def test_pending_ones_have_none() -> None:
    assert priority(prediction(status=Status.PENDING, result=None)) is None


def test_the_order_of_the_page_in_docs() -> None:
    routine, refer = answered(Decision.ROUTINE), answered(Decision.REFER, 0.999)
    first_to_last = [
        priority(answered(Decision.INDETERMINATE, 0.2), {Decision.ROUTINE}),
        priority(answered(Decision.INDETERMINATE, 0.2)),
        priority(routine, {Decision.REFER}),
        priority(answered(Decision.INDETERMINATE, 0.01)),
        priority(answered(Decision.REJECTED, None, "dark", SECOND_UNUSABLE)),
        priority(answered(Decision.ROUTINE, 0.19)),
        priority(answered(Decision.REFER, 0.999, "unfamiliar")),
        priority(refer, {Decision.REFER, Decision.INDETERMINATE}),
        priority(diagnosed(Decision.ROUTINE, malignant=True)),
        priority(diagnosed(Decision.REFER, malignant=False)),
        priority(diagnosed(Decision.REFER, malignant=True)),
    ]
    assert all(a is not None and b is not None and a > b for a, b in itertools.pairwise(first_to_last)), first_to_last
    assert priority(prediction(status=Status.FAILED, result=None)) == first_to_last[4]
    assert priority(refer) == priority(answered(Decision.REJECTED, None, "dark")) == UNDIAGNOSED


@given(st.floats(0, 1), st.floats(0, 1))
def test_nearness_falls_with_distance(one: float, other: float) -> None:
    def at(probability: float) -> int:
        return nearness(result().model_copy(update={"probability": probability}))

    assert 0 <= at(one) <= NEAR_THRESHOLD == at(0.2)
    low, high = sorted((one, other))
    assert at(low) <= at(high) if high <= 0.2 else at(low) >= at(high) if low >= 0.2 else True


@given(st.sampled_from(Decision), st.sampled_from(Decision), st.booleans(), st.none() | st.floats(0, 1))
def test_any_diagnosis_comes_after_none(one: Decision, other: Decision, malignant: bool, p: float | None) -> None:
    before, after = priority(answered(one, p), {other}), priority(diagnosed(other, malignant=malignant))
    assert before is not None
    assert after is not None
    assert 0 <= after < UNDIAGNOSED <= before < 999_999
