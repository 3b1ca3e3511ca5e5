"""What a version's drift is held against: histograms of what its photos measured, kept in its `statistics.npz`.

The arrays there: `drift_reference`, a `Reference` as JSON in UTF-8 bytes; `drift_mean` (d,) and `drift_directions`
(d, k), the first principal directions of the embeddings. A version without them was made before there was a reference.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from nevus.arrays import arrays_in
from nevus.domain import FloatArray, Frozen, Modality, Quality, Result, SkinTone
from nevus.drift import Histogram

UNSTATED = "unstated"  # the group of photos without a modality
DIRECTIONS = 3
QUALITY = ("brightness", "contrast", "sharpness", "skin")
DECISION = "decision"
ARRAY = "drift_reference"


class Group(Frozen):
    """Of one modality's photos, or of all where none is stated: histograms by measure, and decisions."""

    measures: dict[str, Histogram]
    decisions: dict[str, int]


class Reference(Frozen):
    """By modality, and `unstated`."""

    format: int = 1
    groups: dict[str, Group]


@dataclass(frozen=True)
class Baseline:
    """A reference with what it takes to project an embedding (d,): `mean` (d,), `directions` (d, k)."""

    reference: Reference
    mean: FloatArray
    directions: FloatArray

    def observe(self, result: Result, embedding: FloatArray) -> dict[str, float]:
        """All measures of one answered photo; those that it lacks are left out."""
        return inputs(result.quality, result.skin_tone) | outputs(result) | self.projections(embedding)

    def projections(self, embedding: FloatArray) -> dict[str, float]:
        """On the first principal directions; none for an embedding of another size."""
        if embedding.shape != self.mean.shape:
            return {}
        values = (embedding.astype(np.float32) - self.mean) @ self.directions
        return {f"direction_{number}": float(value) for number, value in enumerate(values, start=1)}


def inputs(quality: Quality, tone: SkinTone) -> dict[str, float]:
    """What the pixels say."""
    found = {name: getattr(quality, name) for name in QUALITY}
    return found | ({} if tone.ita is None else {"ita": tone.ita})


def outputs(result: Result) -> dict[str, float]:
    """What the model says, but for the embedding."""
    return {"ood": result.ood.score} | ({} if result.probability is None else {"probability": result.probability})


def group_of(modality: Modality | None) -> str:
    """The group whose reference a photo is held against."""
    return modality.value if modality else UNSTATED


def packed(statistics: bytes, baseline: Baseline) -> bytes:
    """`statistics.npz` with the reference's arrays beside those that it has."""
    with arrays_in(statistics) as arrays:
        kept: dict[str, Any] = dict(arrays)
    kept[ARRAY] = np.frombuffer(baseline.reference.model_dump_json().encode(), np.uint8)
    kept |= {"drift_mean": baseline.mean, "drift_directions": baseline.directions.astype(np.float16)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **kept)
    return buffer.getvalue()


def read_baseline(statistics: bytes) -> Baseline | None:
    """Of a version's `statistics.npz`, if it has one; raises KeyError, OSError or ValueError when it is damaged."""
    with arrays_in(statistics) as arrays:
        if ARRAY not in arrays:
            return None
        return Baseline(
            reference=Reference.model_validate_json(arrays[ARRAY].tobytes()),
            mean=arrays["drift_mean"].astype(np.float32),
            directions=arrays["drift_directions"].astype(np.float32),
        )
