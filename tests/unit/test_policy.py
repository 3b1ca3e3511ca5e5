"""The decision: each rule, their order, and that caution never goes down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.photos import draw_lesion

from nevus.domain import Context, Decision, Measurement, Modality, ModelRef, Quality, SkinTone
from nevus.imaging import to_input
from nevus.policy import CAUTION, decide
from nevus.quality import measure_spot
from nevus.registry import Manifest

GOOD = Quality(sharpness=10, brightness=0.6, contrast=0.15, glare=0, skin=0.9)
REF = ModelRef(name="m", version="v", sha256="0")
DERMOSCOPIC = Context(modality=Modality.DERMOSCOPIC)


@pytest.fixture(scope="module")
def manifest(models_dir: Path) -> Manifest:
    (path,) = models_dir.glob("*/versions/*/manifest.json")
    return Manifest.model_validate_json(path.read_bytes())


def measured(logit: float = -5.0, ood: float = 1.0, quality: Quality = GOOD, ita: float | None = 40) -> Measurement:
    nothing = np.zeros((7, 7), np.float32)
    return Measurement(logit, nothing, nothing[0], ood, quality, SkinTone(ita=ita), REF)


def test_low_is_routine_and_high_is_referred(manifest: Manifest) -> None:
    low, high = decide(measured(-6), DERMOSCOPIC, manifest), decide(measured(6), DERMOSCOPIC, manifest)
    assert (low.decision, low.reasons) == (Decision.ROUTINE, ("only_benign_fits",))
    assert (high.decision, high.reasons) == (Decision.REFER, ("over_threshold",))


def test_between_quantile_and_threshold_it_cannot_tell(manifest: Manifest) -> None:
    constants = manifest.modalities[Modality.DERMOSCOPIC]
    middle = (constants.malignant_quantile + constants.point("sensitivity_90").threshold) / 2
    logit = (np.log(middle / (1 - middle)) - constants.bias) / constants.scale
    result = decide(measured(float(logit)), DERMOSCOPIC, manifest)
    assert result.decision is Decision.INDETERMINATE
    assert result.conformal_set == ("malignant", "benign")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sharpness": 0.1}, "blurred"),
        ({"brightness": 0.02}, "dark"),
        ({"brightness": 0.99}, "overexposed"),
        ({"contrast": 0.001}, "empty"),
        ({"skin": 0.0}, "no_skin"),
    ],
)
def test_an_unusable_photo_is_rejected_without_a_probability(
    manifest: Manifest, change: dict[str, float], reason: str
) -> None:
    result = decide(measured(6, ood=99, quality=GOOD.model_copy(update=change)), Context(age=3), manifest)
    assert result.decision is Decision.REJECTED
    assert result.probability is None
    assert reason in result.reasons


def test_skin_without_a_spot_is_rejected_by_versions_that_know_the_limit(manifest: Manifest) -> None:
    bare = measured(-6, quality=GOOD.model_copy(update={"spot": 2.0}))
    strict = manifest.quality.model_copy(update={"min_spot": 5.0})
    found = decide(bare, DERMOSCOPIC, manifest.model_copy(update={"quality": strict}))
    assert (found.decision, found.reasons) == (Decision.REJECTED, ("no_lesion",))
    lenient = manifest.quality.model_copy(update={"min_spot": 0.0})
    assert decide(bare, DERMOSCOPIC, manifest.model_copy(update={"quality": lenient})).decision is Decision.ROUTINE


def test_a_spot_is_what_differs_from_the_rim() -> None:
    pixels = to_input(draw_lesion(seed=1))
    bare = np.full_like(pixels, pixels[5, 5])
    assert measure_spot(pixels) > 15
    assert measure_spot(bare) < 0.5
    assert 10 < measure_spot(pixels[::9, ::9]) < 80


@pytest.mark.parametrize(
    ("context", "ita", "reason"),
    [
        (Context(age=12), 40, "age_below_minimum"),
        (Context(fitzpatrick=6), 40, "skin_type_without_evidence"),
        (Context(), -60, "skin_tone_without_evidence"),
        (Context(site="oral mucosa"), 40, "site_without_evidence"),
    ],
)
def test_beyond_the_evidence_it_refers(manifest: Manifest, context: Context, ita: float, reason: str) -> None:
    result = decide(measured(-6, ita=ita), context, manifest)
    assert result.decision is Decision.REFER
    assert result.reasons == (reason,)
    assert result.intended_use.violations == (reason,)


def test_unlike_the_training_photos_it_refers(manifest: Manifest) -> None:
    result = decide(measured(-6, ood=manifest.ood_threshold + 0.01), DERMOSCOPIC, manifest)
    assert (result.decision, result.reasons) == (Decision.REFER, ("unfamiliar",))


@given(logit=st.floats(-20, 20))
def test_without_a_modality_it_is_at_least_as_cautious(manifest: Manifest, logit: float) -> None:
    either = decide(measured(logit), Context(), manifest)
    each = [decide(measured(logit), Context(modality=modality), manifest) for modality in Modality]
    assert CAUTION.index(either.decision) == max(CAUTION.index(result.decision) for result in each)


@given(first=st.floats(-20, 20), second=st.floats(-20, 20))
def test_more_evidence_never_means_less_caution(manifest: Manifest, first: float, second: float) -> None:
    low, high = (decide(measured(logit), DERMOSCOPIC, manifest) for logit in sorted((first, second)))
    assert low.probability is not None
    assert high.probability is not None
    assert low.probability <= high.probability
    assert CAUTION.index(low.decision) <= CAUTION.index(high.decision)
