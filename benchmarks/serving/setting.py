"""Where a run takes place: photos, the one model that all serve, the callers of Nevus, free ports."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.environments import ROOT
from tests.photos import lesion

from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.litert import LitertModel
from nevus.domain import Role
from nevus.imaging import decode, to_input
from nevus.pointers import Pointer
from nevus.registry import MODEL_FILE, Manifest, sha256

MODEL = "mobilenet_v2"
PHOTOS = 16
CALLERS = 500  # of Nevus: as many people as there are connections


@dataclass(frozen=True)
class Setting:
    """Made once a run; `data` is copied for each start of Nevus."""

    folder: Path
    environments: Path
    photos: tuple[bytes, ...]
    logits: tuple[float, ...]  # what a plain loop with Nevus' decoder makes of them
    data: Path
    version: Path
    tokens: tuple[str, ...]

    @property
    def registry(self) -> Path:
        """One version of the model, as champion."""
        return self.data / "models"


def prepare(folder: Path, environments: Path, callers: int = CALLERS) -> Setting:
    """Draw photos, copy the newest shipped version and let callers in, all under `folder`."""
    data = folder / "template"
    version = one_champion(ROOT / "models", data / "models")
    identity = SqliteIdentity(data / "identity.db")
    tokens = tuple(identity.create_key(Role.CLIENT).secret for _ in range(callers))
    photos = tuple(lesion(seed=seed) for seed in range(PHOTOS))
    return Setting(folder, environments, photos, logits_of(version, photos), data, version, tokens)


def logits_of(version: Path, photos: Sequence[bytes]) -> tuple[float, ...]:
    """By the version's model."""
    manifest = Manifest.model_validate_json((version / "manifest.json").read_bytes())
    model, side = LitertModel((version / MODEL_FILE).read_bytes(), manifest.outputs), manifest.input.side
    return tuple(model.run(to_input(decode(photo, side), side)).logit for photo in photos)


def one_champion(shipped: Path, registry: Path) -> Path:
    """Copy all that ships, with the newest version of MODEL as champion; returns that version's folder."""
    shutil.copytree(shipped, registry)
    version = max((registry / MODEL / "versions").iterdir())
    manifest = (version / "manifest.json").read_bytes()
    pointer = Pointer(name=MODEL, version=version.name, manifest_sha256=sha256(manifest))
    (registry / "channels/champion.json").write_text(pointer.model_dump_json(exclude_unset=True))
    return version


def free_port() -> int:
    """On 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
