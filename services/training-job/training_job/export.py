"""Export: one LiteRT model with the named outputs logit, embedding, cam and texture, checked against Keras.

Weights are kept in half precision, in which a version is half as large; LiteRT computes with them in single precision.
They are rounded in the network itself, so that both files hold the same numbers. Or weights and computation are in
8-bit integers, in half the time a photo: ranges of what passes are taken from photos (Jacob et al., Quantization and
Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018).
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nevus.adapters.litert import LitertModel
from nevus.imaging import RgbArray
from nevus.registry import Precision
from training_job.calibrate import sigmoid
from training_job.failures import ExportError

TOLERANCE: dict[Precision, float] = {"float": 1e-4, "int8": 0.25}


def round_to_half(model: keras.Model) -> None:
    """Round all weights to half precision."""
    for variable in model.weights:
        variable.assign(np.asarray(variable).astype(np.float16).astype(np.float32))


def to_litert(model: keras.Model, typical: Sequence[RgbArray] = ()) -> bytes:
    """The LiteRT file of a model as `texture.served` makes it; with `typical` photos in 8-bit integers."""
    import tensorflow as tf

    how: dict[str, Any] = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if typical:
        how["representative_dataset"] = lambda: ([pixels[np.newaxis].astype(np.float32)] for pixels in typical)
    else:
        how["target_spec"] = {"supported_types": [tf.float16]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        model.export(str(path), format="litert", verbose=False, **how)
        return path.read_bytes()


def to_keras(model: keras.Model) -> bytes:
    """The Keras file to train on from, without an optimizer, compressed."""
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path, include_optimizer=False)
        with zipfile.ZipFile(path) as saved, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as smaller:
            for entry in saved.infolist():
                smaller.writestr(entry.filename, saved.read(entry))
    return packed.getvalue()


def largest_difference(
    model: keras.Model, exported: bytes, photos: Sequence[RgbArray], precision: Precision = "float"
) -> float:
    """Largest difference in uncalibrated probability between the model and its file; ExportError over the tolerance."""
    runtime, allowed = LitertModel(exported), TOLERANCE[precision]
    ours = np.array([runtime.run(pixels)[0] for pixels in photos])
    theirs = np.array([model(pixels[np.newaxis].astype(np.float32))["logit"].numpy().item() for pixels in photos])
    worst = float(np.abs(sigmoid(ours) - sigmoid(theirs)).max())
    if not worst <= allowed:
        raise ExportError(f"the exported model differs by {worst:.2e} in probability, {allowed:g} is allowed")
    return worst
