"""Answers on drawn photos under varied light, and a registry whose champion has a drift reference of such photos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import ImageEnhance
from tests.contract.predictions import result
from tests.photos import draw_lesion

from nevus.domain import Decision, FloatArray, Modality, ModelRef, Result
from nevus.imaging import to_input
from nevus.quality import measure_quality
from nevus.reference import Baseline, Group, Reference, packed
from nevus.registry import MANIFEST_FILE, STATISTICS_FILE, sha256
from nevus.skin_tone import measure_skin_tone
from training_job.reference import group

SIDE, SIZE = 32, (48, 36)
Answer = tuple[Result, FloatArray]


def answers(first: int, n: int, brightness: float = 1.0) -> list[Answer]:
    """On drawn photos, as their pixels say; probabilities are drawn too, the embedding is the mean colour."""
    rng, found = np.random.default_rng(first), []
    for seed in range(first, first + n):
        photo = ImageEnhance.Brightness(draw_lesion(SIZE, seed)).enhance(brightness * rng.uniform(0.75, 1.2))
        pixels, probability = to_input(photo, SIDE), float(rng.beta(1, 4))
        said = result(Decision.REFER if probability > 0.2 else Decision.ROUTINE)
        seen = {"quality": measure_quality(pixels), "skin_tone": measure_skin_tone(pixels), "probability": probability}
        found.append((said.model_copy(update=seen), (pixels.mean(axis=(0, 1)) / 255).astype(np.float32)))
    return found


def baseline(known: list[Answer]) -> Baseline:
    """Of clinical photos."""
    mean = np.mean([embedding for _, embedding in known], axis=0)
    empty = Baseline(Reference(groups={}), mean, np.eye(3, dtype=np.float32))
    made: Group = group([(empty.observe(said, each), said.decision.value) for said, each in known], [])
    return Baseline(Reference(groups={Modality.CLINICAL.value: made}), empty.mean, empty.directions)


def registry_with(found: Baseline, models: Path, folder: Path) -> ModelRef:
    """A copy of the models in `folder` whose champion has that reference."""
    shutil.copytree(models, folder, ignore=shutil.ignore_patterns("*.keras"))
    pointer = json.loads((folder / "channels/champion.json").read_text())
    version = folder / pointer["name"] / "versions" / pointer["version"]
    statistics = packed((version / STATISTICS_FILE).read_bytes(), found)
    manifest = json.loads((version / MANIFEST_FILE).read_text())
    manifest["files"][STATISTICS_FILE] = {"sha256": sha256(statistics), "size": len(statistics)}
    (version / STATISTICS_FILE).write_bytes(statistics)
    (version / MANIFEST_FILE).write_text(json.dumps(manifest))
    pointer["manifest_sha256"] = sha256((version / MANIFEST_FILE).read_bytes())
    (folder / "channels/champion.json").write_text(json.dumps(pointer))
    return ModelRef(name=pointer["name"], version=pointer["version"], sha256=pointer["manifest_sha256"])
