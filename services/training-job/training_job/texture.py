"""What a photo looks like at the scale of its texture, by which an unfamiliar one is known.

The last stage of a network that was trained on lesions alone sees lesions in everything; its earlier stages still tell
skin from cloth, fur and print. Means and standard deviations of their channels are what is compared, much as Gram
matrices are by Sastry and Oore, ICML 2020.
"""

from __future__ import annotations

from typing import Any

import keras

STRIDES = (8, 16)
EPSILON = 1e-6


def served(model: keras.Model, side: int) -> keras.Model:
    """The trained network at a fixed input size, with the outputs that are served and `texture` (1, d)."""
    image = keras.Input((side, side, 3), batch_size=1, name="image")
    position = next(i for i, layer in enumerate(model.layers) if isinstance(layer, keras.Model))
    backbone = model.layers[position]
    before = keras.Model(model.input, model.layers[position - 1].output)
    within = keras.Model(backbone.input, [*stages(backbone, side), backbone.output])
    outputs = {name: model.output[name] for name in ("logit", "embedding", "cam")}
    after = keras.Model(model.get_layer("embedding").input, outputs)
    *seen, features = within(before(image), training=False)
    texture = keras.layers.Concatenate(name="texture")([part for stage in seen for part in moments(stage)])
    return keras.Model(image, {**after(features, training=False), "texture": texture})


def stages(backbone: keras.Model, side: int) -> list[Any]:
    """The narrowest tensor, and the last of these, at each of the strides; raises ValueError where there is none."""
    tensors = [layer.output for layer in backbone.layers if len(getattr(layer.output, "shape", ())) == 4]
    shapes = keras.Model(backbone.input, tensors).compute_output_shape((1, side, side, 3))
    found = []
    for stride in STRIDES:
        there = [(shape[3], -i) for i, shape in enumerate(shapes) if 0.75 < side / shape[1] / stride < 1.5]
        if not there:
            raise ValueError(f"the backbone has no stage of stride {stride}")
        found.append(tensors[-min(there)[1]])
    return found


def moments(stage: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of each channel: (n, h, w, c) to twice (n, c)."""
    mean = keras.ops.mean(stage, axis=(1, 2), keepdims=True)
    variance = keras.ops.mean(keras.ops.square(stage - mean), axis=(1, 2))
    return keras.ops.squeeze(mean, axis=(1, 2)), keras.ops.sqrt(variance + EPSILON)
