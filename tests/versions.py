"""Versions of the shipped model with another last layer: cheap to make, and served like any other.

The last layer is a 1x1 convolution whose mean is the logit, so that a version's logit is a line through its embedding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from nevus.calibration import Calibration
from nevus.domain import FloatArray, Modality, ModelRef
from nevus.registry import MODEL_FILE, STATISTICS_FILE, FileEntry, Manifest, Registry, sha256
from training_job import lineage
from training_job.data import Row


def shipped(models_dir: Path) -> tuple[Manifest, dict[str, bytes]]:
    """The champion's manifest and what it serves with."""
    pointer = json.loads((models_dir / "channels/champion.json").read_bytes())
    folder = models_dir / pointer["name"] / "versions" / pointer["version"]
    files = {name: (folder / name).read_bytes() for name in (MODEL_FILE, STATISTICS_FILE)}
    return Manifest.model_validate_json((folder / "manifest.json").read_bytes()), files


def kernel_of(model: bytes) -> tuple[FloatArray, bytes]:
    """(d,) weights of the last layer, and their bytes in the file."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for detail in interpreter.get_tensor_details():
        if tuple(detail["shape"][:3]) == (1, 1, 1) and "evidence" in detail["name"]:
            values = interpreter.get_tensor(detail["index"])
            if model.count(values.tobytes()) == 1:
                return values.ravel().astype(np.float32), values.tobytes()
    raise ValueError("the model has no last layer that can be replaced")


def with_kernel(model: bytes, kernel: FloatArray) -> bytes:
    """The same network with these (d,) weights in its last layer."""
    before, found = kernel_of(model)
    dtype = np.dtype(np.float32 if len(found) == 4 * len(before) else np.float16)
    return model.replace(found, kernel.astype(dtype).tobytes())


async def publish(
    registry: Registry,
    name: str,
    base: tuple[Manifest, dict[str, bytes]],
    *,
    kernel: FloatArray | None = None,
    learned: Sequence[Row] | None = None,
    modalities: dict[Modality, Calibration] | None = None,
    **facts: Any,
) -> ModelRef:
    """A version of that name; `learned` are the rows that its lineage names, without which it has none."""
    manifest, files = base[0], dict(base[1])
    if kernel is not None:
        files[MODEL_FILE] = with_kernel(files[MODEL_FILE], kernel)
    if learned is not None:
        files[lineage.LINEAGE_FILE] = lineage.of(learned).pack()
    entries = {each: FileEntry(sha256=sha256(data), size=len(data)) for each, data in files.items()}
    changed = {"version": name, "files": entries, "modalities": modalities or manifest.modalities, **facts}
    return await registry.publish(manifest.model_copy(update=changed), files)
