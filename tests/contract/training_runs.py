"""Made-up training runs."""

from __future__ import annotations

from typing import Any

from tests.contract.predictions import moment

from nevus.domain import TrainingRun


def training_run(name: str = "r1", minutes: float = 0, **changes: Any) -> TrainingRun:
    base = TrainingRun(
        id=name,
        requested_by="admin",
        created_at=moment(minutes),
        updated_at=moment(minutes),
        data="gs://photos/manifest.csv",
    )
    return base.model_copy(update=changes)
