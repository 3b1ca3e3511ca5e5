"""No reassurance for skin without evidence, and the estimated type is held against the recorded one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nevus.domain import Context, Decision, Measurement, Modality, ModelRef, Quality, SkinTone
from nevus.policy import decide
from nevus.registry import Manifest
from nevus.skin_tone import skin_type
from training_job import evaluate, skin_types
from training_job.data import Row
from training_job.evaluate import Answered
from training_job.skin_types import estimated_types, evidenced, recorded_types, spearman

TYPES = st.frozensets(st.integers(0, 6))
CONTEXTS = st.builds(
    Context,
    modality=st.none() | st.sampled_from(Modality),
    age=st.none() | st.integers(0, 120),
    fitzpatrick=st.none() | st.integers(1, 6),
    site=st.none() | st.sampled_from(["back", "nail", ""]),
)
ITAS = st.none() | st.floats(-90, 90)


@pytest.fixture(scope="module")
def manifest(models_dir: Path) -> Manifest:
    path = next(models_dir.glob("*/versions/*/manifest.json"))
    return Manifest.model_validate_json(path.read_bytes())


@given(said=st.tuples(st.floats(-30, 30), st.floats(0, 3), ITAS), context=CONTEXTS, stated=TYPES, seen=TYPES)
def test_without_evidence_there_is_never_reassurance(
    manifest: Manifest, said: tuple[float, float, float | None], context: Context, stated: set[int], seen: set[int]
) -> None:
    logit, ood, ita = said
    use = manifest.intended_use.model_copy(update={"fitzpatrick": tuple(stated), "estimates": tuple(seen)})
    good = Quality(sharpness=10, brightness=0.6, contrast=0.15, glare=0, skin=0.9)
    nothing, ref = np.zeros((7, 7), np.float32), ModelRef(name="m", version="v", sha256="0")
    measured = Measurement(logit, nothing, nothing[0], ood, good, SkinTone(ita=ita), ref)
    found = decide(measured, context, manifest.model_copy(update={"intended_use": use}))
    estimate = 0 if ita is None else skin_type(ita)
    if context.fitzpatrick not in stated if context.fitzpatrick else estimate not in seen:
        assert found.decision is Decision.REFER
        assert {"skin_type_without_evidence", "skin_tone_without_evidence"} & set(found.intended_use.violations)


def photos(count: int, malignant: int, skin: str = "", source: str = "a") -> list[Row]:
    return [Row(f"{skin}{malignant}{i}", Path(), malignant, source, fitzpatrick=skin) for i in range(count)]


def test_evidence_needs_photos_of_both_kinds() -> None:
    assert evidenced([(3, 1)] * 20 + [(3, 0)] * 19 + [(2, 0)] * 20 + [(2, 1)] * 20) == (2,)
    rows = photos(20, 0, "2") + photos(20, 1, "2") + photos(50, 1, "4") + photos(30, 0, "6", "b") + photos(30, 1)
    assert recorded_types(rows, ("b",)) == (2,)


def test_a_photo_that_is_drawn_twice_counts_once() -> None:
    rows = photos(20, 0) + photos(20, 1)
    assert estimated_types(rows, [None] * 20 + [None] * 20, ()) == (0,)
    assert estimated_types((rows[:1] + rows[20:21]) * 20, [5, 5] * 20, ()) == ()


def answered(recorded: str, ita: float | None, number: int) -> Answered:
    row = Row(f"{number}.jpg", Path(), number % 2, fitzpatrick=recorded)
    return Answered(row, 0.4, {"sensitivity_90": 0.5}, "routine", 1.0, ita)


def test_estimates_are_held_against_recorded_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "SUBGROUP_RESAMPLES", 3)
    monkeypatch.setattr(skin_types, "RESAMPLES", 30)
    cases = [("1", 60.0), ("2", 50.0), ("3", 50.0), ("4", 50.0), ("5", -50.0), ("2", None), ("", 60.0)]
    all_answered = [answered(skin, ita, i) for i, (skin, ita) in enumerate(cases)]
    tone = evaluate.skin_tone(all_answered)
    assert tone
    assert (tone["n"], tone["unmeasured"]) == (5, 1)
    assert (tone["exact"]["value"], tone["within_one"]["value"]) == (0.4, 0.8)
    assert tone["mean_error"]["value"] == pytest.approx(-0.4)
    assert tone["correlation"]["value"] < -0.8
    assert tone["confusion"]["4"]["2"] == 1
    groups = [evaluate.by_value(all_answered, evaluate.as_answers(all_answered), each) for each in evaluate.ESTIMATED]
    assert [set(each) for each in groups] == [{"1", "2", "6"}, {"very light", "light", "dark"}]
    assert evaluate.skin_tone([answered("", 60.0, i) for i in range(4)]) is None


def test_rank_correlation_counts_ties_by_their_mean() -> None:
    assert spearman([1, 2, 2, 4], [10, 30, 30, 90]) == pytest.approx(1)
    assert np.isnan(spearman([1, 1], [1, 2]))
