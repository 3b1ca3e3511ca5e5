"""The network: a backbone, and a head whose activation map explains the logit it gives.

features (h, w, c) -> 1x1 convolution -> class activation map (h, w); logit = mean of the map + bias, so the map is
the evidence itself (Zhou et al., CAM, CVPR 2016). The embedding (c,) is the mean of the features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training_job import efficientnet_lite, inception_v3, mobilenet_v2, own_networks, stock
from training_job.folding import fold_into, folded
from training_job.torch_weights import WeightsError

Floats = NDArray[np.float64]
Load = Callable[[keras.Model, Path], None]
HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf")


@dataclass(frozen=True)
class Backbone:
    """A network without its top.

    It takes RGB 0..255 times `matrix` (3, 3) plus `offset` (3,); `loaders` read weight files by their suffix.
    """

    side: int
    network: Callable[[int | None], keras.Model]
    matrix: Floats
    offset: Floats
    loaders: dict[str, Load]
    imagenet: Callable[[keras.Model], None] | None = None


def _lite(size: int, side: int) -> Backbone:
    return Backbone(
        side=side,
        network=partial(efficientnet_lite.network, size),
        matrix=np.eye(3) / 128,
        offset=np.full(3, -127 / 128),
        loaders={".pth": efficientnet_lite.load_torch},
    )


def _stock(name: str, side: int, **loaders: Load) -> Backbone:
    matrix, offset = stock.preprocessing(name)
    return Backbone(
        side=side,
        network=partial(stock.network, name),
        matrix=matrix,
        offset=offset,
        loaders={f".{suffix}": load for suffix, load in loaders.items()},
        imagenet=partial(stock.load_imagenet, name),
    )


def _mobilenet() -> Backbone:
    return Backbone(
        side=224,
        network=mobilenet_v2.network,
        matrix=np.diag(1 / (255 * mobilenet_v2.IMAGENET_STD)),
        offset=-mobilenet_v2.IMAGENET_MEAN / mobilenet_v2.IMAGENET_STD,
        loaders={".pth": mobilenet_v2.load_torch},
        imagenet=mobilenet_v2.load_imagenet,
    )


BACKBONES: dict[str, Callable[[], Backbone]] = {
    "mobilenet_v2": _mobilenet,
    "inception_v3": partial(_stock, "InceptionV3", 288, js=inception_v3.load_tfjs),
    "efficientnet_lite0": partial(_lite, 0, 224),
    "efficientnet_lite1": partial(_lite, 1, 224),
    "efficientnet_lite2": partial(_lite, 2, 256),
}


def find(name: str) -> Backbone:
    """One of the table, or any other of `keras.applications` by its name there; raises WeightsError."""
    return BACKBONES[name]() if name in BACKBONES else _stock(name, 224)


def build(backbone: str, side: int | None, diagnoses: int, *, dropout: float = 0.2) -> keras.Model:
    """(n, side, side, 3) RGB 0..255 -> `logit` (n, 1), `embedding` (n, c), `cam` (n, h, w), `diagnosis` (n, diagnoses).

    `diagnosis` helps training alone and is not exported. Raises WeightsError for an unknown backbone.
    """
    found = find(backbone)
    image = keras.Input((side, side, 3), name="image")
    features = folded(found.network(side))(_scaled(image, found), training=False)
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(features)
    dropped = keras.layers.SpatialDropout2D(dropout, name="dropout")(features)
    evidence = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer="zeros", name="evidence")(dropped)
    cam = Squeeze(name="cam")(evidence)
    logit = Bias(name="logit")(keras.layers.GlobalAveragePooling2D(name="mean_evidence")(evidence))
    diagnosis = keras.layers.Dense(diagnoses, name="diagnosis")(
        keras.layers.Dropout(dropout, name="dropped_embedding")(embedding)
    )
    outputs = {"logit": logit, "embedding": embedding, "cam": cam, "diagnosis": diagnosis}
    return keras.Model(image, outputs)


def _scaled(image: Any, found: Backbone) -> Any:
    """What the backbone expects, by a rescaling, or by a fixed 1x1 convolution where channels change places.

    Its numbers are of half precision, as the exported model keeps them.
    """
    matrix, offset = (part.astype(np.float16).astype(float) for part in (found.matrix, found.offset))
    if np.array_equal(matrix, np.diag(np.diag(matrix))):
        return keras.layers.Rescaling(np.diag(matrix).tolist(), offset.tolist(), name="scale")(image)
    layer = keras.layers.Conv2D(3, 1, name="scale", trainable=False)
    scaled = layer(image)
    layer.set_weights([matrix[None, None], offset])
    return scaled


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


def features_of(model: keras.Model) -> keras.Model:
    """The backbone inside of a whole model."""
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def map_size(model: keras.Model, side: int) -> int:
    """Cells along a side of the activation map of photos of that side."""
    return int(features_of(model).compute_output_shape((1, side, side, 3))[1])


def start_weights(model: keras.Model, backbone: str, weights: str) -> None:
    """Start from `imagenet` (downloads), a version's .keras file, or a weight file of the backbone; WeightsError."""
    suffix = Path(weights).suffix
    if suffix == ".keras":
        _load_own(model, own_networks.load(Path(weights)))
        return
    if suffix in HDF5_SUFFIXES:
        raise WeightsError(
            f"refused {Path(weights).name}: networks are loaded from .keras files alone, never from HDF5"
        )
    found = find(backbone)
    network = found.network(None)
    if weights == "imagenet" and found.imagenet:
        found.imagenet(network)
    elif suffix in found.loaders:
        found.loaders[suffix](network, Path(weights))
    else:
        kinds = ", ".join(["imagenet"] * bool(found.imagenet) + [".keras", *found.loaders])
        raise WeightsError(f"{backbone} starts from one of: {kinds}")
    fold_into(features_of(model), network)


def _load_own(model: keras.Model, saved: keras.Model) -> None:
    """All layers but a diagnosis head of other diagnoses; raises WeightsError for another backbone."""
    try:
        fold_into(features_of(model), features_of(saved))
    except (StopIteration, ValueError) as error:
        raise WeightsError("the version to train on from has another backbone") from error
    for name in ("evidence", "logit", "diagnosis"):
        layer, values = model.get_layer(name), saved.get_layer(name).get_weights()
        if [value.shape for value in values] == [value.shape for value in layer.get_weights()]:
            layer.set_weights(values)
