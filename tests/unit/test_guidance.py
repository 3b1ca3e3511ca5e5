from __future__ import annotations

import pytest
from tests.contract.predictions import prediction, result
from tests.fakes import EMPTY, GOOD
from tests.unit.test_explain import MANIFEST

from gateway.guidance import AGAIN, APPOINTMENT, KEEP_LOOKING, NO_SIGN, RETAKE, VISIT, WAIT, next_steps, photo_checks
from nevus.domain import Decision, IntendedUseCheck, Status
from nevus.review import SECOND_UNUSABLE


@pytest.mark.parametrize(
    ("decision", "steps"),
    [
        (Decision.REFER, APPOINTMENT),
        (Decision.INDETERMINATE, APPOINTMENT),
        (Decision.ROUTINE, KEEP_LOOKING),
        (Decision.REJECTED, RETAKE),
    ],
)
def test_each_decision_has_its_next_steps(decision: Decision, steps: tuple[str, ...]) -> None:
    assert next_steps(prediction(result=result(decision))) == steps


def test_what_is_not_assessed_asks_for_patience_or_another_photo() -> None:
    assert next_steps(prediction(status=Status.PENDING, result=None)) == WAIT
    assert next_steps(prediction(status=Status.FAILED, result=None)) == AGAIN


def test_a_second_unusable_photo_asks_for_a_visit() -> None:
    twice = result(Decision.REJECTED).model_copy(update={"reasons": ("blurred", SECOND_UNUSABLE)})
    assert next_steps(prediction(result=twice)) == VISIT


def test_what_is_beyond_the_evidence_is_no_bad_sign() -> None:
    dark = IntendedUseCheck(ok=False, violations=("skin_tone_without_evidence",))
    for changes in ({"intended_use": dark, "reasons": dark.violations}, {"reasons": ("unfamiliar",)}):
        told = next_steps(prediction(result=result().model_copy(update=changes)))
        assert told == (NO_SIGN, *APPOINTMENT)


def test_the_photo_is_checked_for_light_focus_skin_and_spot() -> None:
    strict = MANIFEST.quality.model_copy(update={"min_contrast": 0.1, "min_skin": 0.1, "max_brightness": 0.9})
    good = photo_checks(result().model_copy(update={"quality": GOOD}), strict)
    assert [check.good for check in good] == [True] * 4
    bad = photo_checks(result().model_copy(update={"quality": EMPTY.model_copy(update={"brightness": 0.95})}), strict)
    assert [(check.name, check.good) for check in bad] == [
        ("Light", False),
        ("Focus", False),
        ("Skin in the picture", False),
        ("Spot in the middle", False),
    ]
