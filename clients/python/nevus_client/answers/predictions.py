"""Answers about predictions. Written by `python -m deploy.contract write` from docs/openapi.json; not by hand."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from nevus_client.answer import Answer


class Status(StrEnum):
    """The life of a prediction record; `complete` and `failed` are terminal."""

    PENDING = "pending"
    COMPLETE = "complete"
    FAILED = "failed"


class Photo(Answer):
    """The clean, re-encoded photo as stored; `sha256` is of its bytes."""

    sha256: str
    width: int
    height: int
    content_type: str = "image/jpeg"


class Modality(StrEnum):
    """How the photo was taken."""

    DERMOSCOPIC = "dermoscopic"
    CLINICAL = "clinical"


class Sex(StrEnum):
    """As recorded in the public sources."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


class Context(Answer):
    """What the caller said about the photo; every field may be missing."""

    modality: Modality | None = None
    age: int | None = None
    """Years."""
    sex: Sex | None = None
    site: str | None = None
    """Body site."""
    fitzpatrick: int | None = None
    """Skin type I to VI."""
    case_id: str | None = None


class Decision(StrEnum):
    """The triage decision."""

    REJECTED = "rejected"
    REFER = "refer"
    INDETERMINATE = "indeterminate"
    ROUTINE = "routine"


class OperatingPoint(Answer):
    """A threshold on the calibrated probability, chosen for a stated sensitivity."""

    name: str
    sensitivity: float
    threshold: float


class Quality(Answer):
    """Measures on the model's input, each in 0..1 unless stated; see `nevus.quality`."""

    sharpness: float
    """Standard deviation of the Laplacian of luminance, 0..255."""
    brightness: float
    """Mean luminance."""
    contrast: float
    """Standard deviation of luminance."""
    glare: float
    """Share of blown-out pixels."""
    skin: float
    """Share of pixels of a skin colour, any skin type."""
    spot: float | None = None
    """How far the middle differs from the rim, in CIELAB; unbounded."""


class Ood(Answer):
    """Distance from the training data; over the threshold means unfamiliar."""

    score: float
    threshold: float


class SkinTone(Answer):
    """Individual typology angle in degrees of the skin around the lesion, and the type that it suggests."""

    ita: float | None = None
    fst_estimate: int | None = None


class IntendedUseCheck(Answer):
    """Whether the photo is one that the model has evidence for."""

    ok: bool
    violations: tuple[str, ...] = ()


class Result(Answer):
    """A result with what it means in plain words."""

    probability: float | None
    decision: Decision
    reasons: tuple[str, ...]
    conformal_set: tuple[str, ...]
    operating_point: OperatingPoint
    quality: Quality
    ood: Ood
    skin_tone: SkinTone
    intended_use: IntendedUseCheck
    advice: tuple[str, ...]
    """Plain sentences for the person in the photo."""


class ModelRef(Answer):
    """The model version that answered; `sha256` is of its manifest."""

    name: str
    version: str
    sha256: str


class Consent(Answer):
    """`training` lets a retraining run use the photo; off unless given."""

    version: str = "1"
    training: bool = False


class Role(StrEnum):
    """What a caller may do: own records, all records, or administration."""

    CLIENT = "client"
    CLINICIAN = "clinician"
    ADMIN = "admin"


class Diagnosis(Answer):
    """A clinician's confirmed diagnosis."""

    label: str
    malignant: bool
    confirmed_by: str
    confirmed_at: datetime
    role: Role | None = None
    """Of who confirmed it; null where it was not recorded."""


class Prediction(Answer):
    """A prediction. `result` is null while `pending` and when `failed`: then nothing was assessed."""

    id: str
    status: Status
    created_at: datetime
    photo: Photo
    context: Context
    result: Result | None = None
    model: ModelRef | None = None
    consent: Consent
    diagnosis: Diagnosis | None = None
    advice: tuple[str, ...]
    """Plain sentences; says so when nothing was assessed."""
    links: dict[str, str]


class Page(Answer):
    """In the order that was asked for; `next` is the cursor of the next page, null on the last one."""

    items: tuple[Prediction, ...]
    next: str | None = None
