"""Export: one LiteRT model with the named outputs logit, embedding, cam and texture, checked against Keras.

Weights are kept in half precision, in which a version is half as large; LiteRT computes with them in single precision.
They are rounded in the network itself, so that both files hold the same numbers.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from nevus.adapters.litert import LitertModel
from nevus.imaging import RgbArray
from training_job.calibrate import sigmoid
from training_job.failures import ExportError

TOLERANCE = 1e-4


def round_to_half(model: keras.Model) -> None:
    """Round all weights to half precision."""
    for variable in model.weights:
        variable.assign(np.asarray(variable).astype(np.float16).astype(np.float32))


def to_litert(model: keras.Model) -> bytes:
    """The LiteRT file of a model as `texture.served` makes it: weights in half precision, computation in single."""
    import tensorflow as tf

    half = {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": {"supported_types": [tf.float16]}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        model.export(str(path), format="litert", verbose=False, **half)
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


def largest_difference(model: keras.Model, exported: bytes, photos: Sequence[RgbArray]) -> float:
    """Largest difference in uncalibrated probability between the model and its file; ExportError over the tolerance."""
    runtime = LitertModel(exported)
    ours = np.array([runtime.run(pixels)[0] for pixels in photos])
    theirs = np.array([model(pixels[np.newaxis].astype(np.float32))["logit"].numpy().item() for pixels in photos])
    worst = float(np.abs(sigmoid(ours) - sigmoid(theirs)).max())
    if not worst <= TOLERANCE:
        raise ExportError(f"the exported model differs by {worst:.2e} in probability, {TOLERANCE:.0e} is allowed")
    return worst
