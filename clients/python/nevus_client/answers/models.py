"""Answers about models. Written by `python -m deploy.contract write` from docs/openapi.json; not by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from nevus_client.answer import Answer
from nevus_client.answers.predictions import Modality, ModelRef


class Model(Answer):
    """A version in the registry and the channels that point at it."""

    name: str
    version: str
    sha256: str
    channels: tuple[str, ...]


class FileEntry(Answer):
    """A file of a version."""

    sha256: str
    size: int
    """Bytes."""


class InputSpec(Answer):
    """What the served model takes: (1, side, side, 3) float32 RGB, 0..255, by `preprocessing`."""

    side: int
    views: int = 1
    """Quarter turns of the photo that the model itself averages over."""
    preprocessing: str = "nevus.imaging.to_input/1"


class Outputs(Answer):
    """Names of the served model's outputs; read them by these names."""

    logit: str = "logit"
    embedding: str = "embedding"
    cam: str = "cam"
    texture: str | None = None
    """What an unfamiliar photo is known by; else the embedding."""


class MeasuredPoint(Answer):
    """An operating point with what it showed on the calibration photos."""

    name: str
    sensitivity: float
    threshold: float
    measured_sensitivity: float
    specificity: float


class Calibration(Answer):
    """Constants of one modality.

    A class is in the conformal set of a probability p unless p < `malignant_quantile` (malignant) or p >
    `benign_quantile` (benign).
    """

    scale: float
    bias: float
    malignant_quantile: float
    benign_quantile: float
    operating_points: tuple[MeasuredPoint, ...]


class QualityLimits(Answer):
    """Worst values that are still usable, set from the photos that the model was calibrated on."""

    min_sharpness: float
    min_brightness: float
    max_brightness: float
    min_contrast: float
    max_glare: float
    min_skin: float
    min_spot: float = 0.0


class IntendedUse(Answer):
    """The photos for which there is evidence; everything else is referred."""

    min_age: int = 18
    fitzpatrick: tuple[int, ...] = (1, 2, 3, 4)
    """Stated types with evidence."""
    estimates: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Types that the photo may suggest where none is stated; 0: it suggests none."""
    min_ita: float = -30.0
    """Degrees; darker skin is referred."""
    excluded_sites: tuple[str, ...] = ("genital", "oral", "mucosa", "nail", "eye")


class Manifest(Answer):
    """Everything that is known of a version."""

    format: int = 1
    name: str
    version: str
    created_at: datetime
    files: dict[str, FileEntry]
    backbone: str = "mobilenet_v2"
    """As `training_job train --backbone` names it."""
    input: InputSpec
    precision: Literal["float", "int8"] = "float"
    """In which the served model computes."""
    outputs: Outputs = Field(default_factory=Outputs)
    cam_bias: float
    """Logit = mean of the map + this."""
    modalities: dict[Modality, Calibration]
    ood_threshold: float
    quality: QualityLimits
    intended_use: IntendedUse = Field(default_factory=IntendedUse)
    metrics: dict[str, Any] = {}
    data: dict[str, Any] = {}
    licence: str
    seeds: dict[str, int] = {}
    git_commit: str | None = None
    libraries: dict[str, str] = {}
    parent: str | None = None
    run: str | None = None
    """Id of the training run that made it."""


class ModelDetails(Answer):
    """A version with its whole manifest."""

    name: str
    version: str
    sha256: str
    channels: tuple[str, ...]
    manifest: Manifest


class Bar(Answer):
    """One demand of the policy: what was measured, what is asked, and whether it is met."""

    name: str
    value: float | None
    """What was measured; null where there was too little to measure."""
    interval: tuple[float | None, float | None] | None = None
    """95 %."""
    limit: str
    """What the policy asks, in words."""
    passed: bool
    detail: str = ""


class PolicyRef(Answer):
    """The policy that was applied; `sha256` is of its file."""

    version: str
    sha256: str


class GuardData(Answer):
    """The photos that both versions were evaluated on."""

    split: str
    photos: int
    fingerprint: str
    """Of the photos' names, bytes and labels."""


class Verdict(Answer):
    """The outcome for exactly these two versions, by the hashes of their manifests. It is never changed."""

    format: int = 1
    champion: ModelRef
    challenger: ModelRef
    passed: bool
    bars: tuple[Bar, ...]
    policy: PolicyRef
    data: GuardData
    machine: str
    created_at: datetime


class Stream(Answer):
    """What came of one channel's photos in a trial; times and decisions are of the judge's window."""

    answered: int
    failed: int
    error_rate: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    decisions: dict[str, int] = {}


class Trial(Answer):
    """A canary against the champion over the same time, as this instance of the gateway has seen it."""

    canary: Stream
    champion: Stream
    absent: int
    """Photos that found the canary not loaded."""
    score_distance: float
    """Kolmogorov and Smirnov's, of the probabilities."""
    looks: int
    """How often the two were compared."""


class Channel(Answer):
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
    trial: Trial | None = None
