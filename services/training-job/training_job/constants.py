"""The constants of a version measured on its own LiteRT model: what `calibrate` fits, gathered from photos."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nevus.adapters.litert import LitertModel
from nevus.calibration import Calibration
from nevus.domain import FloatArray, Modality, Quality
from nevus.imaging import decode, to_input
from nevus.measure import TEXTURE, read_statistics
from nevus.quality import QualityLimits, measure_quality
from nevus.registry import Outputs
from nevus.skin_tone import measure_skin_tone
from training_job.calibrate import OOD_KEPT, Floats, calibrate, ood_statistics, quality_limits, weighted_quantile
from training_job.data import Row, sampling_weights
from training_job.parallel import on_all_cores
from training_job.progress import steps
from training_job.skin_types import estimated_types

OUTPUTS = Outputs(texture="texture")
OOD_PHOTOS = 5000


@dataclass(frozen=True)
class Pass:
    """What was said of n photos: `logits` (n,), `embeddings` (n, d), `textures` (n, t), what their pixels say."""

    logits: FloatArray
    embeddings: FloatArray
    textures: FloatArray
    quality: list[Quality]
    skin_types: list[int | None]


@dataclass(frozen=True)
class Constants:
    """Everything of a manifest that is measured before it is evaluated."""

    modalities: dict[Modality, Calibration]
    ood_threshold: float
    quality: QualityLimits
    statistics: bytes
    estimated_types: tuple[int, ...]


def forward(model: bytes, rows: Sequence[Row], side: int, title: str) -> Pass:
    """One pass over photos, by the serving path; raises OSError."""

    def one(runtime: LitertModel, row: Row) -> tuple[float, FloatArray, FloatArray, Quality, int | None]:
        pixels = to_input(decode(row.path.read_bytes(), side), side)
        said, skin = runtime.run(pixels), measure_skin_tone(pixels).fst_estimate
        return said.logit, said.embedding.copy(), said.familiarity.copy(), measure_quality(pixels), skin

    with steps(title, len(rows)) as step:
        found = list(on_all_cores(lambda: LitertModel(model, OUTPUTS), one, rows, step))
    logits, embeddings, textures, quality, skin = zip(*found, strict=True)
    return Pass(np.array(logits, np.float32), np.stack(embeddings), np.stack(textures), list(quality), list(skin))


def measure(
    model: bytes, rows: Sequence[Row], *, side: int, shares: dict[str, float], uncalibrated: Sequence[str], seed: int
) -> Constants:
    """Constants from the train split (typical embeddings) and the validation split (everything else).

    Sources in `uncalibrated` set no threshold. Raises ValueError when a modality has too little to calibrate on.
    """
    train = [row for row in rows if row.split == "train"]
    val = [row for row in rows if row.split == "val" and row.source not in uncalibrated]
    drawn = draw(train, shares, seed)
    typical = forward(model, drawn, side, "typical photos")
    seen = forward(model, val, side, "calibration")
    weights = sampling_weights(val, {})
    statistics = pack(typical)
    restored = read_statistics(statistics, TEXTURE)
    distances = np.array([restored.score(texture) for texture in seen.textures])
    if not np.isfinite(distances).all():
        raise ValueError("the training photos are too few or too alike to tell an unfamiliar photo from them")
    return Constants(
        modalities=calibrations(val, seen.logits),
        ood_threshold=ood_threshold(val, distances, weights),
        quality=quality_limits(seen.quality, weights),
        statistics=statistics,
        estimated_types=estimated_types([*drawn, *val], typical.skin_types + seen.skin_types, uncalibrated),
    )


def draw(rows: Sequence[Row], shares: dict[str, float], seed: int) -> list[Row]:
    """A balanced sample of the train split."""
    rng = np.random.default_rng([seed, 1])
    index = rng.choice(len(rows), min(OOD_PHOTOS, len(rows)), p=sampling_weights(rows, shares))
    return [rows[i] for i in index]


def pack(typical: Pass) -> bytes:
    """`statistics.npz`, in half precision."""
    arrays: dict[str, Any] = {}
    for part, vectors in (("", typical.embeddings), (TEXTURE, typical.textures)):
        found = ood_statistics(vectors.astype(np.float64))
        arrays[part + "mean"] = found.mean
        arrays[part + "factor"] = found.factor.astype(np.float16)
        arrays[part + "basis"] = found.basis.astype(np.float16)
        arrays[part + "residual_scale"] = np.float64(found.residual_scale)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def ood_threshold(rows: Sequence[Row], distances: Floats, weights: Floats) -> float:
    """The distance within which nearly all photos of every modality are."""
    modalities = np.array([row.modality or Modality.DERMOSCOPIC for row in rows])
    each = [modalities == modality for modality in np.unique(modalities)]
    return round(max(weighted_quantile(distances[its], weights[its], OOD_KEPT) for its in each), 4)


def calibrations(rows: Sequence[Row], logits: FloatArray) -> dict[Modality, Calibration]:
    """One calibration for each modality that has validation photos of both classes; unstated means dermoscopic."""
    found = {}
    for modality in Modality:
        index = np.array([(row.modality or Modality.DERMOSCOPIC) == modality for row in rows])
        labels = np.array([row.malignant for row in rows])[index]
        if 0 < labels.sum() < len(labels):
            found[modality] = calibrate(logits[index].astype(np.float64), labels.astype(np.float64))
    if not found:
        raise ValueError("the validation split has too few photos to calibrate on")
    return found
