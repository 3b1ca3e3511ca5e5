"""Batch norms that keep their statistics, folded into the convolutions before them.

Fine-tuning on small batches keeps ImageNet's statistics, so a batch norm is a scale and a bias: folding both into the
convolution leaves the same function with a quarter less work a step (Jacob et al., CVPR 2018, section 3.2).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def folded(network: keras.Model) -> keras.Model:
    """The same function without the batch norms that follow a convolution; others stay."""
    norms = foldable(network)
    gone = {norm.name for norm in norms.values()}

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config() | ({"use_bias": True} if layer.name in norms else {})
        return layer.__class__.from_config(config)

    def call(layer: keras.layers.Layer, *args: Any, **options: Any) -> Any:
        return args[0] if layer.name in gone else layer(*args, **options)

    found = keras.models.clone_model(network, clone_function=copy, call_function=call)
    fold_into(found, network)
    return found


def fold_into(target: keras.Model, network: keras.Model) -> None:
    """Set the weights of a folded network from one of the same layers with or without batch norms."""
    norms = foldable(network)
    for layer in network.layers:
        values = layer.get_weights()
        if layer.name in norms:
            values = fold(values, norms[layer.name], depthwise=isinstance(layer, keras.layers.DepthwiseConv2D))
        elif not values or layer in norms.values():
            continue
        target.get_layer(layer.name).set_weights(values)


def foldable(network: keras.Model) -> dict[str, keras.layers.Layer]:
    """The batch norm after each convolution of which it is the only reader, by the convolution's name."""
    found = {}
    for layer in network.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        source = layer.input._keras_history.operation
        plain = type(source) in CONVOLUTIONS and source.activation is keras.activations.linear
        if plain and len(source._outbound_nodes) == 1:
            found[source.name] = layer
    return found


def fold(values: list[Any], norm: keras.layers.Layer, *, depthwise: bool) -> list[Any]:
    """Kernel and bias of a convolution with the batch norm after it."""
    state = {weight.name: weight.numpy() for weight in norm.weights}
    scale = state.get("gamma", 1.0) / np.sqrt(state["moving_variance"] + norm.epsilon)
    bias = values[1] if len(values) > 1 else 0.0
    kernel = values[0] * (scale[:, None] if depthwise else scale)
    return [kernel, (bias - state["moving_mean"]) * scale + state.get("beta", 0.0)]
