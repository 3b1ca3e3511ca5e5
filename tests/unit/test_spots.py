from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.predictions import moment, prediction, result

from gateway.problems import Problem
from gateway.spots import (
    case_of,
    chosen_case,
    grouped,
    name_of,
    pair,
    readings,
    state,
    steps,
    still_to_be_seen,
)
from nevus.domain import Context, Decision, Diagnosis, Prediction, Status

DAY = 24 * 60


def photo(name: str, day: float, case: str | None = "arm", decision: Decision = Decision.ROUTINE) -> Prediction:
    return prediction(name, day * DAY, context=Context(case_id=case), result=result(decision))


def with_probability(record: Prediction, probability: float) -> Prediction:
    assert record.result is not None
    return record.model_copy(update={"result": record.result.model_copy(update={"probability": probability})})


@pytest.mark.parametrize(
    ("name", "case"),
    [("left arm", "left-arm"), (" Muñeca, izq. ", "Muneca-izq"), ("--", None), ("背中", None), ("a" * 90, "a" * 64)],
)
def test_a_name_becomes_a_case(name: str, case: str | None) -> None:
    assert case_of(name) == case


@given(st.text(max_size=80))
def test_whatever_is_written_a_case_is_one_that_a_record_may_have(name: str) -> None:
    case = case_of(name)
    assert Context(case_id=case).case_id == case
    assert case is None or name_of(case)


def test_a_new_name_goes_before_the_spots_that_there_are() -> None:
    assert chosen_case("back", "left arm") == "left-arm"
    assert chosen_case("back", " ") == "back"
    assert chosen_case("", "") is None
    with pytest.raises(Problem, match="spot_name"):
        chosen_case("back", "背中")


def test_photos_are_grouped_by_spot() -> None:
    photos = [photo("d", 3), photo("c", 2, "back"), photo("b", 1, None), photo("a", 0)]
    spots, others = grouped(photos)
    assert [(spot.name, [each.id for each in spot.photos]) for spot in spots] == [("arm", ["d", "a"]), ("back", ["c"])]
    assert [each.id for each in others] == ["b"]


def test_steps_say_how_much_later_and_what_was_answered_before() -> None:
    photos = [photo("c", 40), photo("b", 31, decision=Decision.REFER), photo("a", 0, decision=Decision.REFER)]
    assert [(each.days, each.before) for each in steps(photos)] == [(9, "refer"), (31, None), (None, None)]
    assert steps([]) == ()


def test_a_pair_is_the_first_and_the_last_unless_others_are_named() -> None:
    photos = [photo("c", 2), photo("b", 1), photo("a", 0)]

    def ids(first: str = "", second: str = "") -> list[str]:
        return [each.id for each in pair(photos, first, second) or ()]

    assert ids() == ids("x", "y") == ids("c", "a") == ids("b", "b") == ["a", "c"]
    assert ids("c", "b") == ["b", "c"]
    assert pair(photos[:1], "", "") is None


def test_readings_stand_over_the_line_where_the_photo_is_referred() -> None:
    photos = [with_probability(photo("b", 10), 0.3), with_probability(photo("a", 0), 0.2), photo("x", 0)]
    unread = photos[2].model_copy(update={"result": None, "status": Status.PENDING})
    found = readings([photos[0], unread, photos[1]])
    assert [(each.record.id, each.across) for each in found] == [("a", 0), ("b", 1)]
    assert found[0].over == pytest.approx(0)  # at the threshold
    assert 0 < found[1].over < 1
    assert readings([unread]) == ()


def test_a_good_photo_does_not_take_back_what_is_to_be_seen() -> None:
    now, earlier = photo("b", 9), photo("a", 0, decision=Decision.INDETERMINATE)
    assert still_to_be_seen(now, [now, earlier])
    assert not still_to_be_seen(now, [now, photo("a", 0)])
    found = Diagnosis(label="nevus", malignant=False, confirmed_by="cleo", confirmed_at=moment(9))
    assert not still_to_be_seen(now, [now, earlier.model_copy(update={"diagnosis": found})])


def test_the_state_is_the_decision_once_there_is_one() -> None:
    assert state(photo("a", 0)) == "routine"
    assert state(prediction(status=Status.FAILED, result=None)) == "failed"
