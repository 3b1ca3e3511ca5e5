"""`export`: a version's weights served in another way, measured and evaluated anew, without training."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from nevus.registry import KERAS_FILE, Channel, Manifest, Precision, Registry, Version
from training_job.bootstrap import publishing_at
from training_job.finding import find_version
from training_job.plan import Plan
from training_job.reading import Data, read_data, usable
from training_job.settings import read_settings

PrecisionOption = Annotated[Precision | None, typer.Option(help="float, or int8: half the time a photo")]


def export(
    data: Data,
    model: Annotated[str, typer.Option(help="a version or a channel of the registry")] = "champion",
    out: Annotated[str, typer.Option(help="the model registry; a path or gs://bucket")] = "models",
    side: Annotated[int | None, typer.Option(min=32, help="pixels of the input; as it was unless given")] = None,
    views: Annotated[int | None, typer.Option(help="quarter turns averaged over: 1 or 4")] = None,
    precision: PrecisionOption = None,
    uncalibrated: Annotated[str, typer.Option(help="sources, by commas, that set no threshold")] = "isic10k",
) -> None:
    """Publish the weights of a version with another input size, number of views or arithmetic; nothing is trained."""
    from training_job import version as versions

    settings, unheard = read_settings(), tuple(uncalibrated.split(","))
    registry = publishing_at(out, settings)
    rows = usable(read_data(data, settings), unheard)
    parent = asyncio.run(find_version(model, registry))
    network = network_of(asyncio.run(registry.file(parent.ref, KERAS_FILE)))
    plan = replace(plan_of(parent.manifest), **given(side=side, views=views, precision=precision))
    manifest, files = versions.make(network, rows, plan, facts(registry, parent, rows, unheard))
    publish(registry, manifest, files, data)


def publish(registry: Registry, manifest: Manifest, files: dict[str, bytes], data: str) -> None:
    """Write a new version, hold it against the champion unless it is the first one, and say what was found."""
    from training_job import version as versions
    from training_job.promotion.command import Promotion

    ref, channel = asyncio.run(versions.publish(registry, manifest, files))
    typer.echo(f"published {ref.name} {ref.version} as {channel.value}")
    if channel is not Channel.CHAMPION:
        lines, _ = Promotion(registry, read_settings(), asyncio.run).after_training(ref, data)
        typer.echo("\n".join(lines))


def given(**options: Any) -> dict[str, Any]:
    """Those that were stated."""
    return {name: value for name, value in options.items() if value is not None}


def plan_of(manifest: Manifest) -> Plan:
    """What a version was trained by, as far as its recipe says, and as it is served."""
    recipe = manifest.data.get("recipe", {"weights": ""})
    known = {field.name for field in fields(Plan)}
    served = {"side": manifest.input.side, "views": manifest.input.views, "precision": manifest.precision}
    stated = {name: value for name, value in recipe.items() if name in known}
    return Plan(**stated | served | {"backbone": manifest.backbone})


def network_of(keras_file: bytes) -> Any:
    """A trained network; raises WeightsError."""
    from training_job import own_networks

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KERAS_FILE
        path.write_bytes(keras_file)
        return own_networks.load(path)


def facts(registry: Registry, parent: Version, rows: Any, uncalibrated: tuple[str, ...]) -> dict[str, Any]:
    """What `version.make` cannot see in the network; its training is the parent's."""
    from training_job import lineage

    return {
        "inherited": asyncio.run(lineage.inherited(registry, parent.ref, "champion", rows)),
        "name": parent.manifest.name,
        "licence": parent.manifest.licence,
        "parent": parent.manifest.version,
        "uncalibrated": uncalibrated,
        "training": parent.manifest.metrics["training"],
    }
