"""From a trained network to a version in the registry: export, constants, evaluation, report, publication."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras

from nevus.domain import ModelRef
from nevus.imaging import RgbArray, to_input
from nevus.ports import NotFound
from nevus.registry import (
    CARD_FILE,
    KERAS_FILE,
    MODEL_FILE,
    REPORT_FILE,
    STATISTICS_FILE,
    Channel,
    FileEntry,
    InputSpec,
    IntendedUse,
    Manifest,
    Registry,
    Version,
    sha256,
)
from training_job import constants, corrections, evaluate, lineage
from training_job.backbones import cam_bias
from training_job.data import Row, fingerprint, open_photo
from training_job.evidence import collect
from training_job.export import largest_difference, round_to_half, to_keras, to_litert
from training_job.hooks import nothing
from training_job.plan import Plan
from training_job.reference import with_reference
from training_job.report import card, html
from training_job.revision import git_commit, libraries
from training_job.skin_types import recorded_types
from training_job.texture import served

CHECKED_PHOTOS = 64
TYPICAL_PHOTOS = 400


def make(
    model: keras.Model,
    rows: Sequence[Row],
    plan: Plan,
    facts: dict[str, Any],
    stage: Callable[[str], None] = nothing,
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest and the files of a new version; `stage` hears what is done next.

    `facts` are the manifest's name, licence and parent, the run that makes it, if one does, the sources that set
    no threshold (`uncalibrated`), what training took (`training`), and what the weights knew at the start (`inherited`,
    see `lineage.inherited`).
    Raises ExportError, ValueError, OSError.
    """
    stage("exporting")
    round_to_half(model)
    network = served(model, plan.side, plan.views)
    exported = to_litert(network, typical(rows, plan))
    checked = [to_input(open_photo(row), plan.side) for row in list(rows)[:: max(1, len(rows) // CHECKED_PHOTOS)]]
    difference = largest_difference(network, exported, checked, plan.precision)
    stage("evaluating")
    found = constants.measure(
        exported, rows, side=plan.side, shares=plan.shares, uncalibrated=facts["uncalibrated"], seed=plan.seed
    )
    files = {MODEL_FILE: exported, STATISTICS_FILE: found.statistics, KERAS_FILE: to_keras(model)}
    before, known = facts.get("inherited", (None, True))
    files[lineage.LINEAGE_FILE] = lineage.of(rows, before, complete=known).pack()
    manifest = describe(model, rows, plan, facts, found)
    ref = ModelRef(name=manifest.name, version=manifest.version, sha256="")
    made = Version(ref=ref, manifest=manifest, files=files)
    files[STATISTICS_FILE] = with_reference(made, rows, facts["uncalibrated"], plan.seed)
    metrics = evaluated(manifest, files, rows) | {"export": {"largest_difference": difference, "photos": len(checked)}}
    metrics["training"] = facts["training"]
    manifest = manifest.model_copy(update={"metrics": metrics})
    files |= {REPORT_FILE: html(manifest).encode(), CARD_FILE: card(manifest).encode()}
    return manifest.model_copy(update={"files": entries(files)}), files


def typical(rows: Sequence[Row], plan: Plan) -> list[RgbArray]:
    """Photos that set the ranges of 8-bit integers; none where the plan asks for no integers. Raises OSError."""
    if plan.precision == "float":
        return []
    drawn = constants.draw([row for row in rows if row.split == "train"], plan.shares, plan.seed)
    return [to_input(open_photo(row), plan.side) for row in drawn[:TYPICAL_PHOTOS]]


def describe(
    model: keras.Model, rows: Sequence[Row], plan: Plan, facts: dict[str, Any], found: constants.Constants
) -> Manifest:
    """The manifest before evaluation."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Manifest(
        name=facts["name"],
        version=f"{now:%Y%m%dT%H%M%SZ}-{hashlib.sha256(found.statistics).hexdigest()[:6]}",
        created_at=now,
        files={},
        input=InputSpec(side=plan.side, views=plan.views),
        backbone=plan.backbone,
        precision=plan.precision,
        outputs=constants.OUTPUTS,
        cam_bias=cam_bias(model),
        modalities=found.modalities,
        ood_threshold=found.ood_threshold,
        quality=found.quality,
        intended_use=IntendedUse(
            fitzpatrick=recorded_types(rows, facts["uncalibrated"]), estimates=found.estimated_types
        ),
        data=data_facts(rows) | {"recipe": recipe(plan)},
        licence=facts["licence"],
        seeds={"training": plan.seed},
        git_commit=git_commit(),
        libraries=libraries(),
        parent=facts["parent"],
        run=facts.get("run"),
    )


def evaluated(manifest: Manifest, files: dict[str, bytes], rows: Sequence[Row]) -> dict[str, Any]:
    """The test split's report, with what can be told without the lesion and all other evidence."""
    ref = ModelRef(name=manifest.name, version=manifest.version, sha256="")
    version = Version(ref=ref, manifest=manifest, files=files)
    found, answered = evaluate.run(version, rows, split="test", shortcuts=True)
    return found | {"evidence": collect.run(version, rows, answered)}


def entries(files: dict[str, bytes]) -> dict[str, FileEntry]:
    """Hash and size of every file."""
    return {name: FileEntry(sha256=sha256(data), size=len(data)) for name, data in files.items()}


def data_facts(rows: Sequence[Row]) -> dict[str, Any]:
    """Which photos, by source and split, and where clinicians' diagnoses among them came from."""
    counts = Counter((row.source, row.split) for row in rows)
    sources: dict[str, dict[str, int]] = {}
    for (source, split), count in sorted(counts.items()):
        sources.setdefault(source, {})[split] = count
    theirs = corrections.provenance(rows)
    facts = {"fingerprint": fingerprint(rows), "photos": len(rows), "sources": sources}
    return facts | ({"corrections": theirs} if theirs else {})


def recipe(plan: Plan) -> dict[str, Any]:
    """The plan without the place of its starting weights."""
    return asdict(plan) | {"weights": Path(plan.weights).name}


async def publish(registry: Registry, manifest: Manifest, files: dict[str, bytes]) -> tuple[ModelRef, Channel]:
    """Write the version; it becomes champion where there is none, else challenger. Raises RegistryError, PortError."""
    try:
        await registry.pointer(Channel.CHAMPION)
        channel = Channel.CHALLENGER
    except NotFound:
        channel = Channel.CHAMPION
    return await publish_as(channel, registry, manifest, files), channel


async def publish_as(channel: Channel, registry: Registry, manifest: Manifest, files: dict[str, bytes]) -> ModelRef:
    """Write the version and point a channel at it; raises RegistryError, PortError."""
    ref = await registry.publish(manifest, files)
    try:
        _, generation = await registry.pointer(channel)
    except NotFound:
        generation = 0
    await registry.point(channel, ref, if_generation=generation)
    return ref
