"""Makers of bad HDF5 weight files, each in a good archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import h5py
import numpy as np
from tests.model_files import packed, parts, weights

SECRET = "/etc/passwd"


def weight_files() -> Iterator[tuple[str, str, bytes]]:
    """A name, what is said of it, the archive."""
    elsewhere, away = "a link to elsewhere", "lies in another file"
    cases: list[tuple[str, str, Callable[[h5py.File], None]]] = [
        ("external link", elsewhere, _external_link),
        ("soft link", elsewhere, _soft_link),
        ("external storage", away, _external_storage),
        ("virtual dataset", away, _virtual),
        ("shape bomb", "more than", _bomb),
        ("shape that nobody wrote", "a shape that its file does not hold", _unwritten),
        ("packed", "is packed", _compressed),
        ("texts", "does not hold numbers", _texts),
        ("references", "does not hold numbers", _references),
        ("stored type", "is no array", _type),
        ("attributes", "attributes that no weight file has", _attributes),
        ("group inside of itself", "nested too deeply", _circle),
        ("groups without end", "arrays and groups", _doubling),
    ]
    yield from ((name, said, packed(parts(inside=weights(fill)))) for name, said, fill in cases)
    yield "no HDF5", "no readable HDF5", packed(parts(inside=b"no weights"))
    yield "HDF5 cut off", "no readable HDF5", packed(parts(inside=weights()[:1000]))


def _external_link(file: h5py.File) -> None:
    file["layers/evil"] = h5py.ExternalLink(SECRET, "/")


def _soft_link(file: h5py.File) -> None:
    file["layers/evil"] = h5py.SoftLink("/layers")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("layers/evil", (64,), np.uint8, external=[(SECRET, 0, 64)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), np.float32)
    layout[:] = h5py.VirtualSource(SECRET, "layers", (4,))
    file.create_virtual_dataset("layers/evil", layout)


def _bomb(file: h5py.File) -> None:
    file.create_dataset("layers/evil", (1 << 20, 1 << 20), np.float32)


def _unwritten(file: h5py.File) -> None:
    file.create_dataset("layers/evil", (1 << 20,), np.float32)


def _compressed(file: h5py.File) -> None:
    file.create_dataset("layers/evil", data=np.zeros(1 << 20, np.float32), compression="gzip")


def _texts(file: h5py.File) -> None:
    file["layers/evil"] = "text"


def _references(file: h5py.File) -> None:
    file.create_dataset("layers/evil", data=file["layers"].ref, dtype=h5py.ref_dtype)


def _type(file: h5py.File) -> None:
    file["layers/evil"] = np.dtype("f4")


def _attributes(file: h5py.File) -> None:
    file["layers"].attrs["names"] = ["a" * 1000] * 20


def _circle(file: h5py.File) -> None:
    file["layers/evil"] = file["layers"]


def _doubling(file: h5py.File) -> None:
    """Twenty groups and a million ways through them."""
    group = file.create_group("evil")
    for _ in range(20):
        inner = group.create_group("a")
        group["b"] = inner
        group = inner
