"""Versions that are trained to be compared: the `train` command once a backbone and seed, each in its own registry."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nevus import lifetime
from nevus.adapters.places import model_store_at
from nevus.ports import NotFound
from nevus.registry import Channel, Registry, Version
from training_job.data import Row, fingerprint
from training_job.finding import weights_hash

TRAIN = (sys.executable, "-P", str(lifetime.__file__), "training_job", "train")


@dataclass(frozen=True)
class Candidate:
    """One training. `options` are further words of the train command, the same for all that are compared."""

    data: str
    backbone: str
    weights: str
    seed: int
    options: tuple[str, ...] = ()

    def folder(self, rows: Sequence[Row], runs: Path) -> Path:
        """Its own, named by everything that decides the outcome."""
        named = [self.backbone, weights_hash(self.weights), self.seed, self.options, fingerprint(rows)]
        return runs / "compare" / hashlib.sha256(json.dumps(named).encode()).hexdigest()[:12]

    def arguments(self, folder: Path) -> list[str]:
        """Of the train command."""
        given = {
            "--data": self.data,
            "--backbone": self.backbone,
            "--weights": self.weights,
            "--seed": str(self.seed),
            "--out": str(folder / "models"),
            "--runs": str(folder / "runs"),
        }
        return [word for option in given.items() for word in option] + list(self.options)


def trained(
    candidate: Candidate, rows: Sequence[Row], runs: Path, train: Sequence[str] = TRAIN
) -> tuple[Version, Path]:
    """Its version and folder; trained unless an earlier call has, on from the last checkpoint where one was cut off.

    Raises RuntimeError when training fails, RegistryError.
    """
    folder = candidate.folder(rows, runs)
    registry = Registry(model_store_at(str(folder / "models")))
    try:
        return asyncio.run(_champion(registry)), folder
    except NotFound:
        done = subprocess.run([*train, *candidate.arguments(folder)], check=False)
    if done.returncode:
        raise RuntimeError(f"training {candidate.backbone} with seed {candidate.seed} ended with {done.returncode}")
    return asyncio.run(_champion(registry)), folder


async def _champion(registry: Registry) -> Version:
    return await registry.load(await registry.resolve(Channel.CHAMPION))
