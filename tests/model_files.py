"""Makers of `.keras` files, good and bad, with what the training job has: zipfile and h5py."""

from __future__ import annotations

import copy
import io
import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

Parts = dict[str, bytes]
TENSOR = {"class_name": "__keras_tensor__", "config": {"shape": [None, 8, 8, 3], "dtype": "float32"}}


def layer(name: str, class_name: str, before: str = "", **config: Any) -> dict[str, Any]:
    """As Keras writes one, after the layer `before`."""
    tensor = TENSOR | {"config": TENSOR["config"] | {"keras_history": [before, 0, 0]}}  # type: ignore[operator]
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": [tensor], "kwargs": {}}] if before else [],
    }


def network(*layers: dict[str, Any]) -> dict[str, Any]:
    """A functional network of an 8x8 photo through these layers."""
    photo = layer("photo", "InputLayer", batch_shape=[None, 8, 8, 3], dtype="float32")
    ends = {"input_layers": [["photo", 0, 0]], "output_layers": [[(layers[-1] if layers else photo)["name"], 0, 0]]}
    config = {"name": "network", "trainable": True, "layers": [photo, *layers], **ends}
    known = {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional"}
    return known | {"config": config, "build_config": {"input_shape": None}}


def convolution(name: str, before: str, filters: int) -> dict[str, Any]:
    """1x1."""
    return layer(name, "Conv2D", before, filters=filters, kernel_size=[1, 1])


GOOD = network(convolution("first", "photo", 4))


def weights(fill: Callable[[h5py.File], None] = lambda _: None) -> bytes:
    """Those of GOOD, and what `fill` adds."""
    packed = io.BytesIO()
    with h5py.File(packed, "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros((1, 1, 3, 4), np.float32)
        file["layers/conv2d/vars/1"] = np.zeros(4, np.float32)
        fill(file)
    return packed.getvalue()


def parts(config: Any = None, inside: bytes | None = None, **more: bytes) -> Parts:
    """The files of an archive."""
    told = json.dumps(GOOD if config is None else config).encode()
    return {
        "metadata.json": b"{}",
        "config.json": told,
        "model.weights.h5": weights() if inside is None else inside,
    } | more


def packed(files: Parts, change: Callable[[zipfile.ZipFile], None] = lambda _: None) -> bytes:
    """As an archive, with what `change` adds."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        change(archive)
    return found.getvalue()


def archives() -> Iterator[tuple[str, str, bytes]]:
    """Bad archives: a name, what is said of it, its bytes."""
    foreign = "which no model of ours has"
    yield "HDF5 by another name", "it is an HDF5 file", weights()
    yield "pickle", "it is no .keras archive", b"\x80\x04cposix\nsystem\n."
    yield "program before the archive", "it is no .keras archive", b"#!/bin/sh\n" + packed(parts())
    yield "cut off", "its archive is broken", packed(parts())[:-100]
    for name in (
        "../../evil.py",
        "/evil.py",
        "config.json/../../evil",
        "..\\evil",
        "assets/vocabulary.txt",
        "model.weights.npz",
    ):
        yield name, foreign, packed(parts(**{name: b""}))
    yield "twice", "each once", packed(parts(), _again)
    yield "nothing inside", "each once", packed({"config.json": b"{}"})
    yield "symbolic link", "is a symbolic link", packed({}, _linked)
    yield "bomb", "bytes, of which", packed(parts() | {"config.json": bytes(9 << 20)})
    yield "broken data", "its archive is broken", _flipped(packed(parts()))
    yield "unusual packing", "packed in an unusual way", packed({}, _squeezed)
    yield "no configuration", "cannot be read", packed(parts() | {"config.json": b"\xff\xfe"})
    yield "endless nesting", "cannot be read", packed(parts() | {"config.json": b"[" * 200_000})


def _again(archive: zipfile.ZipFile) -> None:
    archive.NameToInfo.clear()  # else zipfile warns
    archive.writestr("config.json", b"{}")


def _linked(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("config.json")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def _squeezed(archive: zipfile.ZipFile) -> None:
    archive.writestr("config.json", b"{}", zipfile.ZIP_LZMA)


def _flipped(archive: bytes) -> bytes:
    at = archive.index(b"config.json") + 40
    return archive[:at] + bytes([archive[at] ^ 255]) + archive[at + 1 :]


def configurations() -> Iterator[tuple[str, str, bytes]]:
    """Bad configurations in good archives."""
    code, foreign = "a Lambda layer, which is code", "not on the list of plain layers"
    lambda_layer = layer("code", "Lambda", "photo", function={"class_name": "__lambda__", "config": {"value": "4wE="}})
    inner = network(lambda_layer) | {"name": "inner", "inbound_nodes": []}
    hidden = convolution("first", "photo", 4)
    hidden["config"]["kernel_initializer"] = {"class_name": "__lambda__", "config": {"value": "4wE="}}
    named = {"class_name": "function", "config": "get_file", "module": "keras.utils", "registered_name": "get_file"}
    dense, reaching = layer("first", "Dense", "photo", units=4), convolution("first", "photo", 4)
    reaching["config"]["activation"] = named
    cases: list[tuple[str, str, Any]] = [
        ("Lambda", code, network(lambda_layer)),
        ("Lambda in an inner network", code, network(inner)),
        ("lambda as an initializer", code, network(hidden)),
        ("function", foreign, network(reaching)),
        ("no network", "no functional network", {"class_name": "Sequential", "config": {}}),
        ("list", "no functional network", []),
        ("nested deeply", "nested too deeply", GOOD | {"build_config": _nested(100)}),
        ("many units", "units is", network(layer("first", "Dense", "photo", units=1 << 40))),
        ("wide photo", "more than", _widened([None, 40_000, 40_000, 3])),
        (
            "wide kernel",
            "more than",
            network(layer("first", "Conv2D", "photo", filters=1, kernel_size=[20_000, 20_000])),
        ),
        ("registered name that is none", "is no text", network(dense | {"registered_name": ["a"]})),
        ("module that is none", "is no text", network(dense | {"module": {}})),
    ]
    reading = ("TFSMLayer", "StringLookup", "TextVectorization", "TorchModuleWrapper", "JaxLayer")
    cases += [(name, foreign, network(layer("first", name, "photo"))) for name in reading]
    elsewhere = (("os", None), ("builtins", None), ("keras.layers", "evil>Dense"), (None, "evil>Dense"))
    for module, registered in elsewhere:
        changed = dense | {"module": module, "registered_name": registered}
        cases.append((f"class of {registered or module}", foreign, network(changed)))
    yield from ((name, said, packed(parts(config))) for name, said, config in cases)


def _nested(times: int) -> Any:
    found: Any = {}
    for _ in range(times):
        found = {"a": found}
    return found


def _widened(shape: list[int | None]) -> dict[str, Any]:
    config = copy.deepcopy(GOOD)
    config["config"]["layers"][0]["config"]["batch_shape"] = shape
    return config
