"""Domain types: what a prediction is, who asked for it, what a model measured.

Everything here is frozen; a change makes a new value (`model_copy(update=...)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

FloatArray = NDArray[np.float32]


class Frozen(BaseModel):
    """Base of every domain model: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Modality(StrEnum):
    """How the photo was taken."""

    DERMOSCOPIC = "dermoscopic"
    CLINICAL = "clinical"


class Decision(StrEnum):
    """The triage decision."""

    REJECTED = "rejected"
    REFER = "refer"
    INDETERMINATE = "indeterminate"
    ROUTINE = "routine"


class Status(StrEnum):
    """The life of a prediction record; `complete` and `failed` are terminal."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"


class Role(StrEnum):
    """What a caller may do: own records, all records, or administration."""

    CLIENT = "client"
    CLINICIAN = "clinician"
    ADMIN = "admin"


class Sex(StrEnum):
    """As recorded in the public sources."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


class Caller(Frozen):
    """An authenticated caller. `id` owns records and is stable over key rotation."""

    id: str
    role: Role


class Context(Frozen):
    """What the caller said about the photo; every field may be missing."""

    modality: Modality | None = None
    age: int | None = Field(default=None, ge=0, le=120, description="years")
    sex: Sex | None = None
    site: str | None = Field(default=None, max_length=60, description="body site")
    fitzpatrick: int | None = Field(default=None, ge=1, le=6, description="skin type I to VI")
    case_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")


class Consent(Frozen):
    """`training` lets a retraining run use the photo; off unless given."""

    version: str = "1"
    training: bool = False


class Photo(Frozen):
    """The clean, re-encoded photo as stored; `sha256` is of its bytes."""

    sha256: str
    width: int
    height: int
    content_type: str = "image/jpeg"

    def key(self, record_id: str) -> str:
        """Its object in the photo store; in no folder of its own, which would take another 4 ms to be durable."""
        return f"{record_id}.{self.sha256}.jpg"


class Quality(Frozen):
    """Measures on the model's input, each in 0..1 unless stated; see `nevus.quality`."""

    sharpness: float = Field(description="standard deviation of the Laplacian of luminance, 0..255")
    brightness: float = Field(description="mean luminance")
    contrast: float = Field(description="standard deviation of luminance")
    glare: float = Field(description="share of blown-out pixels")
    skin: float = Field(description="share of pixels of a skin colour, any skin type")
    spot: float | None = Field(
        default=None, description="how far the middle differs from the rim, in CIELAB; unbounded"
    )


class SkinTone(Frozen):
    """Individual typology angle in degrees of the skin around the lesion, and the type that it suggests."""

    ita: float | None = None
    fst_estimate: int | None = None


class Ood(Frozen):
    """Distance from the training data; over the threshold means unfamiliar."""

    score: float
    threshold: float


class OperatingPoint(Frozen):
    """A threshold on the calibrated probability, chosen for a stated sensitivity."""

    name: str
    sensitivity: float
    threshold: float


class IntendedUseCheck(Frozen):
    """Whether the photo is one that the model has evidence for."""

    ok: bool
    violations: tuple[str, ...] = ()


class Result(Frozen):
    """The answer. `probability` is at the data's prevalence and null when rejected."""

    probability: float | None
    decision: Decision
    reasons: tuple[str, ...]
    conformal_set: tuple[str, ...]
    operating_point: OperatingPoint
    quality: Quality
    ood: Ood
    skin_tone: SkinTone
    intended_use: IntendedUseCheck


class ModelRef(Frozen):
    """The model version that answered; `sha256` is of its manifest."""

    name: str
    version: str
    sha256: str


class Diagnosis(Frozen):
    """A clinician's confirmed diagnosis."""

    label: str = Field(min_length=1, max_length=60)
    malignant: bool
    confirmed_by: str
    confirmed_at: datetime
    role: Role | None = Field(default=None, description="of who confirmed it; null where it was not recorded")


class Prediction(Frozen):
    """A prediction record. `cam` (h, w float16) and `embedding` (float16) are raw little-endian bytes."""

    id: str
    owner: str
    status: Status
    created_at: datetime
    body_sha256: str = Field(description="of the request, to tell a retry from another request")
    context: Context
    consent: Consent
    photo: Photo
    result: Result | None = None
    model: ModelRef | None = None
    diagnosis: Diagnosis | None = None
    review: int | None = Field(default=None, description="priority for review, see `nevus.review`; null if unknown")
    attempts: int = 0
    tried_at: datetime | None = Field(default=None, description="when the reconciler last began to try it")
    error: str | None = None
    revision: int = 0
    cam: bytes = b""
    cam_shape: tuple[int, int] = (0, 0)
    embedding: bytes = b""

    @property
    def confirmed(self) -> bool:
        """Whether a training run may learn from it: a clinician's diagnosis, and consent to training."""
        return self.diagnosis is not None and self.consent.training


class RunState(StrEnum):
    """The life of a training run; the last three are terminal."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        """Whether it may still change."""
        return self in (RunState.QUEUED, RunState.RUNNING)


class CurvePoint(Frozen):
    """A figure of a training run at one of its steps."""

    step: int
    value: float


class TrainingRun(Frozen):
    """A training run's record; the gateway begins it, the job writes its progress."""

    id: str
    state: RunState = RunState.QUEUED
    requested_by: str
    created_at: datetime
    updated_at: datetime
    data: str = Field(description="address of the base manifest")
    job: str | None = Field(default=None, description="the runner's name for the job")
    logs_url: str | None = None
    attempts: int = Field(default=0, description="how often the job has begun, retries included")
    cancel_requested: bool = False
    stage: str = ""
    step: int = 0
    steps: int = 0
    epoch: float = Field(default=0.0, description="photos seen so far, by the training photos there are")
    metrics: dict[str, float] = {}
    curves: dict[str, tuple[CurvePoint, ...]] = Field(default={}, description="figures over the steps, by name")
    log_tail: tuple[str, ...] = ()
    corrections: int = Field(default=0, description="diagnoses of consenting records that it trains on")
    parent: ModelRef | None = None
    version: ModelRef | None = Field(default=None, description="the challenger that it has published")
    error: str | None = None
    end_told: bool = Field(default=False, description="whether its end is on the audit log")
    revision: int = 0


class AuditEntry(Frozen):
    """Who did what to which thing, when. Ids alone, and no more about a person than that; see `nevus.audit`."""

    at: AwareDatetime
    actor: str
    role: str = Field(default="", description="a `Role`, `operator` for nevus-admin, `service` for Nevus itself")
    action: str
    subject: str
    detail: str = ""


class ChainedEntry(AuditEntry):
    """An entry in its place in the log: `sequence` counts from 1, `previous` is the hash of the one before."""

    sequence: int
    previous: str
    hash: str


@dataclass(frozen=True)
class Measurement:
    """What one forward pass and the pixels say, before any threshold.

    `logit` is uncalibrated; `cam` (h, w) averages to `logit - bias`; `embedding` is (d,).
    """

    logit: float
    cam: FloatArray
    embedding: FloatArray
    ood_score: float
    quality: Quality
    skin_tone: SkinTone
    model: ModelRef
