"""The same model in Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from lesion import MODEL, Pixels


@keras.saving.register_keras_serializable(package="nevus")
class Bias(keras.layers.Layer):
    """As in the training job: adds one number."""

    def build(self, input_shape: Any) -> None:  # noqa: ARG002  # Keras names it
        """Create it."""
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """(n, 1) -> (n, 1)."""
        return inputs + self.bias


@keras.saving.register_keras_serializable(package="nevus")
class Squeeze(keras.layers.Layer):
    """As in the training job: (…, 1) -> (…)."""

    def call(self, inputs: Any) -> Any:
        """Without the last axis."""
        return keras.ops.squeeze(inputs, axis=-1)


class Keras:
    """A loaded network, asked by `predict` as in Keras' own examples."""

    def __init__(self) -> None:
        self._model = keras.models.load_model(MODEL / "model.keras", compile=False)

    def logit(self, pixels: Pixels) -> float:
        """Of one photo."""
        return float(self._model.predict(pixels[np.newaxis], verbose=0)["logit"].item())
