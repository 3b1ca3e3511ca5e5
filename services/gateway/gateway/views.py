"""Answers of the API: what of a record a caller sees. The examples stand in the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from gateway.advice import advice_for
from gateway.monitor import Report
from gateway.trial import TrialView
from nevus.domain import Consent, Context, Diagnosis, Frozen, ModelRef, Photo, Prediction, Result, Status
from nevus.ports import Page
from nevus.registry import Manifest


class ResultView(Result):
    """A result with what it means in plain words."""

    advice: tuple[str, ...] = Field(description="plain sentences for the person in the photo")


class PredictionView(Frozen):
    """A prediction. `result` is null while `pending` and when `failed`: then nothing was assessed."""

    id: str
    status: Status
    created_at: datetime
    photo: Photo
    context: Context
    result: ResultView | None = None
    model: ModelRef | None = None
    consent: Consent
    diagnosis: Diagnosis | None = None
    advice: tuple[str, ...] = Field(description="plain sentences; says so when nothing was assessed")
    links: dict[str, str]


class PageView(Frozen):
    """In the order that was asked for; `next` is the cursor of the next page, null on the last one."""

    items: tuple[PredictionView, ...]
    next: str | None = None


class ModelView(Frozen):
    """A version in the registry and the channels that point at it."""

    name: str
    version: str
    sha256: str
    channels: tuple[str, ...]


class ModelDetails(ModelView):
    """A version with its whole manifest."""

    manifest: Manifest


class ChannelView(Frozen):
    """Where a channel points; `previous` is where a roll-back goes.

    A canary has a share of the cases, and `ended` with its `reason` once it points nowhere.
    """

    channel: str
    name: str
    version: str
    previous: str | None = None
    share: float | None = None
    since: datetime | None = None
    ended: datetime | None = None
    reason: str | None = None
    trial: TrialView | None = None


class Stats(Frozen):
    """Counts of all records; `monitoring` is null until there is something to tell."""

    records: int
    by_status: dict[str, int]
    by_decision: dict[str, int]
    monitoring: Report | None = None


def show(record: Prediction) -> PredictionView:
    """A record as its caller sees it."""
    sentences = advice_for(record)
    complete = record.status is Status.COMPLETE and record.result is not None
    result = ResultView(**dict(record.result or ()), advice=sentences) if complete else None
    return PredictionView(
        id=record.id,
        status=record.status,
        created_at=record.created_at,
        photo=record.photo,
        context=record.context,
        result=result,
        model=record.model,
        consent=record.consent,
        diagnosis=record.diagnosis,
        advice=sentences,
        links=links(record),
    )


def links(record: Prediction) -> dict[str, str]:
    """Where the record, its photo and its heat map are."""
    here = f"/v1/predictions/{record.id}"
    return {"self": here, "photo": f"{here}/photo"} | ({"heatmap": f"{here}/heatmap"} if record.cam else {})


def show_page(page: Page) -> PageView:
    """A page of records."""
    return PageView(items=tuple(show(item) for item in page.items), next=page.cursor)


def show_stats(counts: dict[str, int], report: Report | None) -> Stats:
    """From the store's keys such as `status:complete`."""

    def part(kind: str) -> dict[str, int]:
        return {key.partition(":")[2]: n for key, n in counts.items() if key.startswith(kind + ":")}

    return Stats(
        records=sum(part("status").values()), by_status=part("status"), by_decision=part("decision"), monitoring=report
    )


EXAMPLE: dict[str, Any] = {
    "id": "k3v5ajq2mzr7c4w6txn2yb5dha",
    "status": "complete",
    "created_at": "2026-01-31T09:30:00Z",
    "photo": {"sha256": "9f2c" * 16, "width": 600, "height": 450, "content_type": "image/jpeg"},
    "context": {
        "modality": "clinical",
        "age": 54,
        "sex": "female",
        "site": "back",
        "fitzpatrick": 2,
        "case_id": "left-arm-1",
    },
    "result": {
        "probability": 0.41,
        "decision": "refer",
        "reasons": ["over_threshold"],
        "conformal_set": ["malignant", "benign"],
        "operating_point": {"name": "sensitivity_90", "sensitivity": 0.9, "threshold": 0.22},
        "quality": {"sharpness": 11.2, "brightness": 0.61, "contrast": 0.14, "glare": 0.0, "skin": 0.93},
        "ood": {"score": 0.92, "threshold": 1.7},
        "skin_tone": {"ita": 38.5, "fst_estimate": 3},
        "intended_use": {"ok": True, "violations": []},
        "advice": ["Please have this spot seen by a doctor."],
    },
    "model": {"name": "mobilenet_v2", "version": "20260131T080000Z-1a2b3c", "sha256": "1a2b" * 16},
    "consent": {"version": "1", "training": False},
    "diagnosis": {
        "label": "melanoma",
        "malignant": True,
        "confirmed_by": "dr-weber",
        "confirmed_at": "2026-02-03T14:00:00Z",
        "role": "clinician",
    },
    "advice": ["Please have this spot seen by a doctor."],
    "links": {
        "self": "/v1/predictions/k3v5ajq2mzr7c4w6txn2yb5dha",
        "photo": "/v1/predictions/k3v5ajq2mzr7c4w6txn2yb5dha/photo",
        "heatmap": "/v1/predictions/k3v5ajq2mzr7c4w6txn2yb5dha/heatmap",
    },
}
PENDING_EXAMPLE: dict[str, Any] = {
    name: EXAMPLE[name] for name in ("id", "created_at", "photo", "context", "consent")
} | {
    "status": "pending",
    "advice": ["Not assessed; if the spot worries you, have it seen."],
    "links": {name: link for name, link in EXAMPLE["links"].items() if name != "heatmap"},
}
