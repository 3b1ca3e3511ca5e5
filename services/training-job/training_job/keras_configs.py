"""What the configuration of a network may name: plain layers and their parts, by a list, and no number beyond bounds.

Lambda layers, wrappers of other frameworks, layers that read files and classes of other packages are not on the list.
"""

from __future__ import annotations

from math import prod
from typing import Any

from training_job.torch_weights import WeightsError

MAX_ELEMENTS = 1 << 27  # numbers in a network, or in one array: 512 MB in single precision
MAX_NUMBER = 1 << 16  # of anything that is counted: channels, cells, photos
MAX_DEPTH = 64
NO_COUNTS = ("seed", "shared_object_id")
FUNCTIONAL = ("keras.src.models.functional", "Functional")
LAYERS = """
    Activation Add Average AveragePooling2D BatchNormalization Concatenate Conv2D Cropping2D Dense DepthwiseConv2D
    Dropout Flatten GlobalAveragePooling2D GlobalMaxPooling2D Identity InputLayer LayerNormalization MaxPooling2D
    Multiply Normalization PReLU ReLU Rescaling Reshape SeparableConv2D SpatialDropout2D ZeroPadding2D
"""
INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Ones RandomNormal RandomUniform
    TruncatedNormal VarianceScaling Zeros
"""
ALLOWED = {
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
    FUNCTIONAL,
    ("keras.src.ops.numpy", "Add"),
    ("keras.src.ops.numpy", "Multiply"),
    ("keras.src.applications.convnext", "LayerScale"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
    *(("keras.layers", name) for name in LAYERS.split()),
    *(("keras.initializers", name) for name in INITIALIZERS.split()),
    *(("keras.regularizers", name) for name in ("L1", "L2", "L1L2")),
}
OWN = {"nevus>Bias", "nevus>Squeeze"}
TENSOR = "__keras_tensor__"


def refuse_unsafe_config(config: Any) -> None:
    """Raises WeightsError unless the parsed configuration is of a functional network of allowed parts."""
    if not isinstance(config, dict) or (config.get("module"), config.get("class_name")) != FUNCTIONAL:
        raise WeightsError("it is no functional network")
    _walk(config, "", 0)


def _walk(value: Any, key: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise WeightsError("its configuration is nested too deeply")
    if isinstance(value, dict):
        _refuse_class(value)
        for name, inner in value.items():
            _walk(inner, name, depth + 1)
    elif isinstance(value, list):
        _refuse_shape(value, key)
        for inner in value:
            _walk(inner, key, depth + 1)
    elif isinstance(value, int) and key not in NO_COUNTS and abs(value) > MAX_NUMBER:
        raise WeightsError(f"{key} is {value}, of which {MAX_NUMBER} are allowed")


def _refuse_class(part: dict[str, Any]) -> None:
    """Whatever Keras would make an object of. One of our own classes is found by the name that it registered."""
    if "class_name" not in part or part["class_name"] == TENSOR:
        return
    name, module, registered = (part.get(each) for each in ("class_name", "module", "registered_name"))
    if not all(isinstance(each, str | None) for each in (name, module, registered)):
        raise WeightsError("the name of a class is no text")
    if registered in OWN or (registered in (None, name) and (module, name) in ALLOWED):
        return
    if name in ("Lambda", "__lambda__"):
        raise WeightsError("it has a Lambda layer, which is code")
    raise WeightsError(
        f"it names {f'{registered or module}: {name}'[:100]!r}, which is not on the list of plain layers"
    )


def _refuse_shape(value: list[Any], key: str) -> None:
    sizes = [each for each in value if isinstance(each, int)]
    if value and len(sizes) + value.count(None) == len(value) and prod(abs(size) or 1 for size in sizes) > MAX_ELEMENTS:
        raise WeightsError(f"{key} is {str(value)[:100]}, more than {MAX_ELEMENTS} elements")
