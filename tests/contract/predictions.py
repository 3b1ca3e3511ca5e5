"""Made-up prediction records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nevus.domain import (
    Consent,
    Context,
    Decision,
    IntendedUseCheck,
    Ood,
    OperatingPoint,
    Photo,
    Prediction,
    Quality,
    Result,
    SkinTone,
    Status,
)

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def moment(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def result(decision: Decision = Decision.REFER) -> Result:
    return Result(
        probability=0.25,
        decision=decision,
        reasons=("over_threshold",),
        conformal_set=("malignant",),
        operating_point=OperatingPoint(name="sensitivity_90", sensitivity=0.9, threshold=0.2),
        quality=Quality(sharpness=20.5, brightness=0.5, contrast=0.2, glare=0.0, skin=0.9),
        ood=Ood(score=1.0, threshold=2.0),
        skin_tone=SkinTone(ita=40.1, fst_estimate=3),
        intended_use=IntendedUseCheck(ok=True),
    )


def prediction(name: str = "p1", minutes: float = 0, **changes: Any) -> Prediction:
    base = Prediction(
        id=name,
        owner="anna",
        status=Status.COMPLETE,
        created_at=moment(minutes),
        body_sha256="0" * 64,
        context=Context(age=50),
        consent=Consent(),
        photo=Photo(sha256="1" * 64, width=600, height=450),
        result=result(),
        cam=bytes(range(98)),
        cam_shape=(7, 7),
        embedding=b"\x00\xff" * 8,
    )
    return base.model_copy(update=changes)
