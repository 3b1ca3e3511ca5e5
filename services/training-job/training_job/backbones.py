"""The network: a backbone, and a head whose activation map explains the logit it gives.

features (h, w, c) -> 1x1 convolution -> class activation map (h, w); logit = mean of the map + bias, so the map is
the evidence itself (Zhou et al., CAM, CVPR 2016). The embedding (c,) is the mean of the features.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training_job.torch_weights import WeightsError, read_state_dict

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])
TORCH_EPSILON = 1e-5
BACKBONES = ("mobilenet_v2",)


def mobilenet_v2(side: int | None) -> keras.Model:
    """MobileNetV2 1.0 (Sandler et al., CVPR 2018) with torchvision's padding and epsilon, without weights."""
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


def load_torchvision(backbone: keras.Model, path: Path) -> None:
    """Set ImageNet weights from torchvision's state dict file; raises WeightsError."""
    state = read_state_dict(path)
    for stem, (conv, norm) in _torch_prefixes().items():
        try:
            kernel = state[conv + ".weight"]
            statistics = [state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        except KeyError as error:
            raise WeightsError(f"{path.name} is not a MobileNetV2: {error} is missing") from error
        order = (2, 3, 0, 1) if stem.endswith("depthwise") else (2, 3, 1, 0)
        backbone.get_layer(stem).set_weights([kernel.transpose(order)])
        backbone.get_layer(_norm_name(stem)).set_weights(statistics)


def build(side: int | None, diagnoses: int, *, dropout: float = 0.2) -> keras.Model:
    """(n, side, side, 3) RGB 0..255 -> `logit` (n, 1), `embedding` (n, c), `cam` (n, h, w), `diagnosis` (n, diagnoses).

    `diagnosis` helps training alone and is not exported.
    """
    image = keras.Input((side, side, 3), name="image")
    scale = 1 / (255 * IMAGENET_STD)
    scaled = keras.layers.Rescaling(scale.tolist(), (-IMAGENET_MEAN / IMAGENET_STD).tolist(), name="scale")(image)
    features = mobilenet_v2(side)(scaled, training=False)
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(features)
    dropped = keras.layers.SpatialDropout2D(dropout, name="dropout")(features)
    evidence = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer="zeros", name="evidence")(dropped)
    cam = Squeeze(name="cam")(evidence)
    logit = Bias(name="logit")(keras.layers.GlobalAveragePooling2D(name="mean_evidence")(evidence))
    diagnosis = keras.layers.Dense(diagnoses, name="diagnosis")(embedding)
    outputs = {"logit": logit, "embedding": embedding, "cam": cam, "diagnosis": diagnosis}
    return keras.Model(image, outputs)


@keras.saving.register_keras_serializable(package="nevus")
class Squeeze(keras.layers.Layer):  # type: ignore[misc]
    """Drops the channel axis of length one."""

    def call(self, inputs: Any) -> Any:
        """(n, h, w, 1) -> (n, h, w)."""
        return keras.ops.squeeze(inputs, axis=-1)


@keras.saving.register_keras_serializable(package="nevus")
class Bias(keras.layers.Layer):  # type: ignore[misc]
    """Adds one trainable number."""

    def build(self, input_shape: Any) -> None:  # noqa: ARG002  # Keras names it
        """Create the bias."""
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """(n, 1) -> (n, 1)."""
        return inputs + self.bias


def cam_bias(model: keras.Model) -> float:
    """The number that the mean of the map lacks to be the logit."""
    return float(np.asarray(model.get_layer("logit").bias)[0])


def start_weights(model: keras.Model, weights: str) -> None:
    """Start from a file (.pth of torchvision, .keras of ours) or `imagenet` (downloads); WeightsError."""
    backbone = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    if weights == "imagenet":
        _load_keras_imagenet(backbone)
    elif weights.endswith(".pth"):
        load_torchvision(backbone, Path(weights))
    else:
        _load_own(model, keras.models.load_model(weights, compile=False))


def _load_own(model: keras.Model, saved: keras.Model) -> None:
    """All layers but a diagnosis head of other diagnoses."""
    found = {layer.name: layer.get_weights() for layer in saved.layers}
    for layer in model.layers:
        values = found.get(layer.name, [])
        if [value.shape for value in values] == [value.shape for value in layer.get_weights()]:
            layer.set_weights(values)


def _load_keras_imagenet(backbone: keras.Model) -> None:
    """Keras' own weights expect -1..1 input and epsilon 1e-3; both fold into the first kernel and the scales."""
    stock = keras.applications.MobileNetV2(input_shape=(224, 224, 3), include_top=False, weights="imagenet")
    for layer in stock.layers:
        values = layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            values[3] = values[3] + layer.epsilon - TORCH_EPSILON
        if values:
            backbone.get_layer(layer.name).set_weights(values)
    fold_input_scale(backbone)


def fold_input_scale(backbone: keras.Model) -> None:
    """Make a first kernel for -1..1 input take torch-normalised input; exact away from the padded rim."""
    kernel = backbone.get_layer("Conv1").get_weights()[0]
    gain = 2 * IMAGENET_STD
    shift = 2 * IMAGENET_MEAN - 1
    gamma, beta, mean, variance = backbone.get_layer("bn_Conv1").get_weights()
    offset: NDArray[np.float64] = (kernel * shift[:, None]).sum(axis=(0, 1, 2))
    backbone.get_layer("Conv1").set_weights([kernel * gain[:, None]])
    backbone.get_layer("bn_Conv1").set_weights([gamma, beta, mean - offset, variance])
