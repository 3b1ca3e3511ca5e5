"""Arrays of a version: bombs and objects are refused before numpy allocates anything."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nevus.arrays import arrays_in
from nevus.measure import Measurer, read_statistics
from nevus.registry import RegistryError, Version
from training_job.finding import read_folder


def archive(**arrays: bytes) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in arrays.items():
            packed.writestr(f"{name}.npy", data)
    return found.getvalue()


def array(values: object, shape: str = "", dtype: type[object] | None = None) -> bytes:
    """As a file, with another shape in its header."""
    found = io.BytesIO()
    np.save(found, np.array(values, dtype), allow_pickle=True)
    data = found.getvalue()
    return data.replace(b"(3,), }" + b" " * len(shape), f"{shape}, }}".encode() + b"    ") if shape else data


GOOD = array([1.0, 2.0, 3.0])
HUGE = array([1.0, 2.0, 3.0], "(9999999999,)")
BAD = {
    "more than follows": archive(mean=HUGE),
    "objects": archive(mean=array([{}, {}, {}], dtype=object)),
    "much of nothing": archive(mean=GOOD, zeros=bytes(65 << 20)),
    "no array": archive(mean=b"text"),
    "no archive": GOOD,
    "cut off": archive(mean=GOOD)[:-20],
}


def test_good_arrays_are_read() -> None:
    assert b"9999999999" in HUGE
    with arrays_in(archive(mean=GOOD)) as found:
        assert {name: values.tolist() for name, values in found.items()} == {"mean": [1, 2, 3]}


@pytest.mark.parametrize("name", BAD)
def test_bad_arrays_are_refused_at_no_cost(name: str) -> None:
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"array|magic"):
        read_statistics(BAD[name])
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("model.tflite", b"\x89HDF\r\n\x1a\n"),
        ("model.tflite", archive(config=b"{}")),
        ("statistics.npz", archive(mean=HUGE)),
    ],
)
def test_a_version_of_such_files_is_refused(models_dir: Path, file: str, data: bytes) -> None:
    (folder,) = models_dir.glob("*/versions/*")
    found = read_folder(folder)
    with pytest.raises(RegistryError, match=r"does not load: (these bytes are no LiteRT model|an array does not have)"):
        Measurer(Version(found.ref, found.manifest, {**found.files, file: data}))
