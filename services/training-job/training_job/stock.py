"""Any network of `keras.applications` by its name, with Keras' own ImageNet weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training_job.torch_weights import WeightsError

Floats = NDArray[np.float64]


def maker(name: str) -> Callable[..., keras.Model]:
    """`keras.applications.NAME`; raises WeightsError for a name that is none."""
    found = getattr(keras.applications, name, None)
    if not name[:1].isupper() or not callable(found):
        raise WeightsError(f"keras.applications has no {name}")
    return found  # type: ignore[no-any-return]  # Keras carries no types


def network(name: str, side: int | None) -> keras.Model:
    """Without top and weights; layers are named alike each time, since those of saved versions are found by name."""
    keras.backend.clear_session(free_memory=False)
    return maker(name)(input_shape=(side, side, 3), include_top=False, weights=None)


def load_imagenet(name: str, target: keras.Model) -> None:
    """Download the weights and set them."""
    target.set_weights(maker(name)(include_top=False, weights="imagenet").get_weights())


def preprocessing(name: str) -> tuple[Floats, Floats]:
    """What the network expects of RGB 0..255, as matrix (3, 3) and offset (3,): input = rgb @ matrix + offset.

    Measured on its own `preprocess_input`, which is affine and may reverse the channels.
    """
    prepare: Callable[[Any], Any] = sys.modules[maker(name).__module__].preprocess_input
    probes = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)])[:, None, None, :]
    black, *primaries = np.asarray(prepare(probes.astype(np.float32)), np.float64).reshape(4, 3)
    return (np.stack(primaries) - black) / 255, black
