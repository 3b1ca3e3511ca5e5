"""MobileNetV2 1.0 (Sandler et al., CVPR 2018) as torchvision trains it, and its ImageNet weights."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training_job.torch_weights import WeightsError, read_state_dict

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])
TORCH_EPSILON = 1e-5


def network(side: int | None) -> keras.Model:
    """Without top and weights, with torchvision's padding and epsilon; takes torch-normalised RGB."""
    stock = keras.applications.MobileNetV2(input_shape=(side, side, 3), include_top=False, weights=None)
    return keras.models.clone_model(stock, clone_function=_as_in_torchvision)


def _as_in_torchvision(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = layer.get_config()
    if isinstance(layer, keras.layers.ZeroPadding2D):
        config["padding"] = ((1, 1), (1, 1))
    if isinstance(layer, keras.layers.BatchNormalization):
        config["epsilon"] = TORCH_EPSILON
    return layer.__class__.from_config(config)


def _torch_prefixes() -> dict[str, tuple[str, str]]:
    """Keras layer stem -> names of (convolution, batch norm) in torchvision's state dict."""
    names = {"Conv1": ("features.0.0", "features.0.1"), "Conv_1": ("features.18.0", "features.18.1")}
    for block in range(17):
        stem = f"block_{block}_" if block else "expanded_conv_"
        conv = f"features.{block + 1}.conv"
        steps = ["expand", "depthwise", "project"] if block else ["depthwise", "project"]
        for i, step in enumerate(steps):
            last = step == "project"
            names[stem + step] = (f"{conv}.{i}", f"{conv}.{i + 1}") if last else (f"{conv}.{i}.0", f"{conv}.{i}.1")
    return names


def _norm_name(stem: str) -> str:
    return {"Conv1": "bn_Conv1", "Conv_1": "Conv_1_bn"}.get(stem, stem + "_BN")


def load_torch(target: keras.Model, path: Path) -> None:
    """Set ImageNet weights from torchvision's state dict file; raises WeightsError."""
    state = read_state_dict(path)
    for stem, (conv, norm) in _torch_prefixes().items():
        try:
            kernel = state[conv + ".weight"]
            statistics = [state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        except KeyError as error:
            raise WeightsError(f"{path.name} is not a MobileNetV2: {error} is missing") from error
        order = (2, 3, 0, 1) if stem.endswith("depthwise") else (2, 3, 1, 0)
        target.get_layer(stem).set_weights([kernel.transpose(order)])
        target.get_layer(_norm_name(stem)).set_weights(statistics)


def load_imagenet(target: keras.Model) -> None:
    """Download Keras' own weights; they expect -1..1 input and epsilon 1e-3: both fold into kernel and scales."""
    stock = keras.applications.MobileNetV2(input_shape=(224, 224, 3), include_top=False, weights="imagenet")
    for layer in stock.layers:
        values = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            values[3] = values[3] + layer.epsilon - TORCH_EPSILON
        if values:
            target.get_layer(layer.name).set_weights(values)
    fold_input_scale(target)


def fold_input_scale(target: keras.Model) -> None:
    """Make a first kernel for -1..1 input take torch-normalised input; exact away from the padded rim."""
    kernel = target.get_layer("Conv1").get_weights()[0]
    gain = 2 * IMAGENET_STD
    shift = 2 * IMAGENET_MEAN - 1
    gamma, beta, mean, variance = target.get_layer("bn_Conv1").get_weights()
    offset: NDArray[np.float64] = (kernel * shift[:, None]).sum(axis=(0, 1, 2))
    target.get_layer("Conv1").set_weights([kernel * gain[:, None]])
    target.get_layer("bn_Conv1").set_weights([gamma, beta, mean - offset, variance])
