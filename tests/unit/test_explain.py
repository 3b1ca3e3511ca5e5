from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.contract.predictions import prediction, result

from gateway.explain import limits, worth
from nevus.calibration import Calibration, MeasuredPoint
from nevus.domain import Decision, Modality
from nevus.quality import QualityLimits
from nevus.registry import InputSpec, Manifest


def point(name: str, sensitivity: float, specificity: float, threshold: float) -> MeasuredPoint:
    return MeasuredPoint(
        name=name,
        sensitivity=sensitivity,
        threshold=threshold,
        measured_sensitivity=sensitivity,
        specificity=specificity,
    )


def calibration(threshold: float, specificity: float) -> Calibration:
    points = (point("sensitivity_95", 0.95, 0.5, 0.1), point("sensitivity_90", 0.9, specificity, threshold))
    return Calibration(scale=1, bias=0, malignant_quantile=0.1, benign_quantile=0.4, operating_points=points)


MANIFEST = Manifest(
    name="made_up",
    version="1",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    files={},
    input=InputSpec(side=224),
    cam_bias=0,
    modalities={Modality.CLINICAL: calibration(0.3, 0.1), Modality.DERMOSCOPIC: calibration(0.2, 0.7)},
    ood_threshold=2,
    quality=QualityLimits(min_sharpness=1, min_brightness=0, max_brightness=1, min_contrast=0, max_glare=1, min_skin=0),
    licence="CC BY-NC 4.0",
)


def test_refer_is_worth_its_positive_predictive_value() -> None:
    found = worth(prediction(), MANIFEST, 0.02)  # 0.018 / (0.018 + 0.294), by the point of the dermoscopic constants
    assert found is not None
    assert found.malignant == 58
    assert "about 58 out of 1,000 people who get the answer “have it seen”" in found.sentence
    assert "2%" in found.sentence


def test_routine_is_worth_its_negative_predictive_value_rounded_against_us() -> None:
    routine = prediction(result=result(Decision.ROUTINE))
    found = worth(routine, MANIFEST, 0.02)  # 0.001 / (0.001 + 0.49) = 2.04 in 1,000
    assert found is not None
    assert found.malignant == 3


@pytest.mark.parametrize("decision", [Decision.INDETERMINATE, Decision.REJECTED])
def test_no_figure_where_there_is_none(decision: Decision) -> None:
    assert worth(prediction(result=result(decision)), MANIFEST, 0.02) is None
    assert worth(prediction(result=None), MANIFEST, 0.02) is None


def test_no_figure_for_a_refusal_to_read() -> None:
    unfamiliar = result().model_copy(update={"reasons": ("unfamiliar",)})
    assert worth(prediction(result=unfamiliar), MANIFEST, 0.02) is None


def test_the_limits_say_who_is_not_covered() -> None:
    told = " ".join(limits(MANIFEST))
    assert "18 years" in told
    assert "I, II, III, IV" in told
    assert "genital" in told
