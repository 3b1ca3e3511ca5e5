"""What a photo looks like at the scale of its texture, by which an unfamiliar one is known.

The last stage of a network that was trained on lesions alone sees lesions in everything; its earlier stages still tell
skin from cloth, fur and print. Means and standard deviations of their channels are what is compared, much as Gram
matrices are by Sastry and Oore, ICML 2020.
"""

from __future__ import annotations

from typing import Any

import keras

STRIDES = (8, 16)
VIEWS = (1, 4)
MAP_AXES = 3
EPSILON = 1e-6


def served(model: keras.Model, side: int, views: int = 1) -> keras.Model:
    """The trained network at a fixed input size, with the outputs that are served and `texture` (1, d).

    With 4 `views` all outputs are means over the quarter turns of the photo, its map turned back: a photo that is
    turned by 90 degrees gives the same answer (averaging over a group, as Cohen and Welling pool, ICML 2016). Raises
    ValueError for another number than 1 or 4.
    """
    if views not in VIEWS:
        raise ValueError(f"views are {' or '.join(map(str, VIEWS))}, not {views}")
    image = keras.Input((side, side, 3), batch_size=1, name="image")
    position = next(i for i, layer in enumerate(model.layers) if isinstance(layer, keras.Model))
    backbone = model.layers[position]
    before = keras.Model(model.input, model.layers[position - 1].output)
    within = keras.Model(backbone.input, [*stages(backbone, side), backbone.output])
    outputs = {name: model.output[name] for name in ("logit", "embedding", "cam")}
    after = keras.Model(model.get_layer("embedding").input, outputs)
    turned = keras.ops.concatenate([keras.ops.rot90(image, turn, axes=(1, 2)) for turn in range(views)])
    *seen, features = within(before(turned), training=False)
    texture = keras.ops.concatenate([part for stage in seen for part in moments(stage)], axis=-1)
    found = {**after(features, training=False), "texture": texture}
    return keras.Model(image, {name: mean_over_turns(value, views, name) for name, value in found.items()})


def mean_over_turns(value: Any, views: int, name: str) -> Any:
    """(views, …) to (1, …), a map turned back first."""
    if len(value.shape) == MAP_AXES:
        maps = enumerate(keras.ops.split(value, views))
        back = [keras.ops.rot90(each, -turn, axes=(1, 2)) for turn, each in maps]
        value = keras.ops.concatenate(back)
    return keras.layers.Identity(name=name)(keras.ops.mean(value, axis=0, keepdims=True))


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
