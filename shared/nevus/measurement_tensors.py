"""A measurement as the tensors that the inference service answers with, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nevus.domain import Measurement, ModelRef, Quality, SkinTone
from nevus.oip import Response
from nevus.oip_tensors import OipError, Tensor
from nevus.skin_tone import skin_type

QUALITY_FIELDS = tuple(name for name in Quality.model_fields if name != "spot")
NEEDED = ("logit", "embedding", "cam", "ood_score", "quality", "ita")
OUTPUTS = (*NEEDED, "spot")  # a service that was deployed before sends none


def to_response(measurement: Measurement) -> Response:
    """All outputs as FP32: logit [1], embedding [d], cam [h, w], ood_score [1], quality [5], ita [1], spot [1].

    NaN where ita or spot are unknown.
    """
    ita, spot = measurement.skin_tone.ita, measurement.quality.spot
    values: tuple[Any, ...] = (
        [measurement.logit],
        measurement.embedding,
        measurement.cam,
        [measurement.ood_score],
        [getattr(measurement.quality, name) for name in QUALITY_FIELDS],
        [math.nan if ita is None else ita],
        [math.nan if spot is None else spot],
    )
    pairs = zip(OUTPUTS, values, strict=True)
    tensors = tuple(Tensor(name, "FP32", np.asarray(value, dtype=np.float32)) for name, value in pairs)
    model = measurement.model
    return Response(model.name, model.version, tensors, {"manifest_sha256": model.sha256})


def from_response(response: Response) -> Measurement:
    """The inverse of `to_response`; raises OipError when something is missing, or not a number."""
    arrays = {tensor.name: tensor.array.astype(np.float32, copy=False) for tensor in response.outputs}
    sha256 = response.parameters.get("manifest_sha256")
    if set(NEEDED) - arrays.keys() or response.model_version is None or not isinstance(sha256, str):
        raise OipError("a measurement lacks outputs, version or manifest_sha256")
    ita = _scalar(arrays["ita"])
    logit, ood_score = _scalar(arrays["logit"]), _scalar(arrays["ood_score"])
    if not (math.isfinite(logit) and math.isfinite(ood_score)):
        raise OipError("a measurement is not finite")
    if arrays["quality"].shape != (len(QUALITY_FIELDS),) or arrays["cam"].ndim != 2:
        raise OipError("a measurement's outputs do not have their shapes")
    return Measurement(
        logit=logit,
        cam=arrays["cam"],
        embedding=arrays["embedding"],
        ood_score=ood_score,
        quality=_quality(arrays),
        skin_tone=SkinTone() if math.isnan(ita) else _skin_tone(round(ita, 1)),
        model=ModelRef(name=response.model_name, version=response.model_version, sha256=sha256),
    )


def _quality(arrays: dict[str, NDArray[np.float32]]) -> Quality:
    values = dict(zip(QUALITY_FIELDS, _rounded(arrays["quality"]), strict=True))
    spot = _scalar(arrays["spot"]) if "spot" in arrays else math.nan
    return Quality(**values, spot=None if math.isnan(spot) else round(spot, 2))


def _skin_tone(ita: float) -> SkinTone:
    return SkinTone(ita=ita, fst_estimate=skin_type(ita))


def _scalar(array: NDArray[np.float32]) -> float:
    if array.size != 1:
        raise OipError("a measurement's outputs do not have their shapes")
    return float(array.item())


def _rounded(array: NDArray[np.float32]) -> list[float]:
    """Single precision back to the decimals that were measured."""
    return [round(value, 4) for value in array.tolist()]
