"""Answers about training. Written by `python -m deploy.contract write` from docs/openapi.json; not by hand."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from nevus_client.answer import Answer
from nevus_client.answers.predictions import ModelRef


class RunState(StrEnum):
    """The life of a training run; the last three are terminal."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TrainingRun(Answer):
    """A training run, as of `updated_at`. `version` is the challenger that it has published."""

    id: str
    state: RunState
    requested_by: str
    created_at: datetime
    updated_at: datetime
    data: str
    """Address of the base manifest."""
    attempts: int
    """How often the job has begun, retries included."""
    cancel_requested: bool
    stage: str
    step: int
    steps: int
    epoch: float
    """Photos seen so far, by the training photos there are."""
    metrics: dict[str, float]
    log_tail: tuple[str, ...]
    corrections: int
    """Diagnoses of consenting records that it trains on."""
    parent: ModelRef | None = None
    version: ModelRef | None = None
    error: str | None = None
    """One sentence, when it has failed."""
    logs_url: str | None = None
    """Where the whole log is, on Cloud Run."""
    links: dict[str, str]


class RunPage(Answer):
    """Newest first; `next` is the cursor of the next page, null on the last one."""

    items: tuple[TrainingRun, ...]
    next: str | None = None
