"""What of a training run an admin sees."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gateway.views import EXAMPLE
from nevus.domain import Frozen, ModelRef, RunState, TrainingRun
from nevus.ports import RunPage


class TrainingRunView(Frozen):
    """A training run, as of `updated_at`. `version` is the challenger that it has published."""

    id: str
    state: RunState
    requested_by: str
    created_at: datetime
    updated_at: datetime
    data: str = Field(description="address of the base manifest")
    attempts: int = Field(description="how often the job has begun, retries included")
    cancel_requested: bool
    stage: str
    step: int
    steps: int
    epoch: float = Field(description="photos seen so far, by the training photos there are")
    metrics: dict[str, float]
    log_tail: tuple[str, ...]
    corrections: int = Field(description="diagnoses of consenting records that it trains on")
    parent: ModelRef | None = None
    version: ModelRef | None = None
    error: str | None = Field(default=None, description="one sentence, when it has failed")
    logs_url: str | None = Field(default=None, description="where the whole log is, on Cloud Run")
    links: dict[str, str]


class RunPageView(Frozen):
    """Newest first; `next` is the cursor of the next page, null on the last one."""

    items: tuple[TrainingRunView, ...]
    next: str | None = None


def show_run(run: TrainingRun) -> TrainingRunView:
    """A run as an admin sees it."""
    shown = {name: value for name, value in dict(run).items() if name in TrainingRunView.model_fields}
    return TrainingRunView(**shown, links=links(run))


def links(run: TrainingRun) -> dict[str, str]:
    """Where the run is, how to cancel it while it is active, and the report of the version that it has published."""
    here = f"/v1/training-runs/{run.id}"
    cancelling = {"cancel": f"{here}/cancel"} if run.state.active else {}
    report = {"report": f"/v1/models/{run.version.version}/report"} if run.version else {}
    return {"self": here} | cancelling | report


def show_runs(page: RunPage) -> RunPageView:
    """A page of runs."""
    return RunPageView(items=tuple(show_run(run) for run in page.items), next=page.cursor)


RUN_ID = "q4w7nhs2kdjx5b3v6tzm2yracf"
QUEUED_EXAMPLE: dict[str, Any] = {
    "id": RUN_ID,
    "state": "queued",
    "requested_by": "admin",
    "created_at": "2026-02-01T08:00:00Z",
    "updated_at": "2026-02-01T08:00:00Z",
    "data": "gs://nevus-training/base/manifest.csv",
    "attempts": 0,
    "cancel_requested": False,
    "stage": "",
    "step": 0,
    "steps": 0,
    "epoch": 0.0,
    "metrics": {},
    "log_tail": [],
    "corrections": 0,
    "links": {"self": f"/v1/training-runs/{RUN_ID}", "cancel": f"/v1/training-runs/{RUN_ID}/cancel"},
}
RUN_EXAMPLE: dict[str, Any] = QUEUED_EXAMPLE | {
    "state": "running",
    "updated_at": "2026-02-01T08:12:30Z",
    "attempts": 1,
    "stage": "training",
    "step": 240,
    "steps": 600,
    "epoch": 0.85,
    "metrics": {"loss": 0.41, "auroc_ham10000": 0.89},
    "log_tail": ["step 240 of 600, loss 0.410"],
    "corrections": 37,
    "parent": EXAMPLE["model"],
}
