"""Copy the model that ships with the code into a data folder, whole or not at all, never over what is there."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def seed_models(shipped: Path, models: Path, scratch: Path) -> list[str]:
    """Copy versions, verdicts and then channels that `models` lacks; returns what was copied, as keys of the registry.

    `scratch` is a folder on the same file system as `models`; whatever an interrupted copy left in it is removed.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    versions = sorted(manifest.parent for manifest in shipped.glob("*/versions/*/manifest.json"))
    pointing = [*sorted(shipped.glob("verdicts/*.json")), *sorted(shipped.glob("channels/*.json"))]
    missing = [item for item in [*versions, *pointing] if not (models / item.relative_to(shipped)).exists()]
    for item in missing:
        _copy(item, models / item.relative_to(shipped), scratch)
    scratch.rmdir()
    return [item.relative_to(shipped).as_posix() for item in missing]


def _copy(source: Path, target: Path, scratch: Path) -> None:
    temporary = Path(tempfile.mkdtemp(dir=scratch)) / source.name
    if source.is_dir():
        shutil.copytree(source, temporary, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, temporary)
    for path in [*temporary.rglob("*"), temporary]:
        _sync(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary.rename(target)
    _sync(target.parent)
    temporary.parent.rmdir()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
