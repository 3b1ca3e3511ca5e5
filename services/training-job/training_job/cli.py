"""`python -m training_job`: train a version, evaluate one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from nevus.adapters.files import FileStore
from nevus.domain import ModelRef
from nevus.ports import PortError
from nevus.registry import (
    KERAS_FILE,
    MANIFEST_FILE,
    Channel,
    Manifest,
    Registry,
    RegistryError,
    Version,
    parse_manifest,
    sha256,
)
from training_job.data import ManifestError, read_manifest, shared_groups, split_by_group

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
Data = Annotated[Path, typer.Option(help="CSV with the columns file and malignant; docs/training.md names the others")]
UNSTATED = "not stated; the licences of the training photos apply"


@app.command()
def train(
    data: Data,
    weights: Annotated[str, typer.Option(help="a .pth or .keras file, imagenet (downloads), or champion")] = "imagenet",
    out: Annotated[Path, typer.Option(help="the model registry")] = Path("models"),
    backbone: Annotated[str, typer.Option(help="the network")] = "mobilenet_v2",
    name: Annotated[str | None, typer.Option(help="the model's name; the backbone's unless given")] = None,
    steps: Annotated[int, typer.Option(min=1, help="batches of fine-tuning")] = 4800,
    head_steps: Annotated[int, typer.Option(min=0, help="batches before, with the backbone frozen")] = 150,
    batch_size: Annotated[int, typer.Option(min=2, help="photos a batch")] = 32,
    seed: Annotated[int, typer.Option(help="of everything random")] = 7,
    runs: Annotated[Path, typer.Option(help="where checkpoints are kept")] = Path(".nevus/training"),
    licence: Annotated[str, typer.Option(help="of the training photos, for the card")] = UNSTATED,
    uncalibrated: Annotated[str, typer.Option(help="sources, by commas, that set no threshold")] = "isic10k",
) -> None:
    """Train a version and publish it: champion of an empty registry, else challenger. The same call resumes."""
    from training_job import backbones, version
    from training_job import train as training

    if backbone not in backbones.BACKBONES:
        raise typer.BadParameter(f"one of: {', '.join(backbones.BACKBONES)}", param_hint="--backbone")
    rows = split_by_group(read_manifest(data))
    if shared_groups(rows):
        raise ManifestError(f"{shared_groups(rows)} lesions or patients stand in more than one split")
    registry = Registry(FileStore(out))
    parent = asyncio.run(registry.resolve(Channel.CHAMPION)) if weights == "champion" else None
    start = str(asyncio.run(_parent_file(registry, parent, runs))) if parent else weights
    plan = training.Plan(weights=start, steps=steps, head_steps=head_steps, batch_size=batch_size, seed=seed)
    trainer = training.Trainer(rows, plan, training.run_folder(rows, plan, runs))
    trainer.run()
    facts = {
        "name": name or backbone,
        "licence": licence,
        "parent": parent.version if parent else None,
        "uncalibrated": tuple(uncalibrated.split(",")),
    }
    manifest, files = version.make(trainer.model, rows, plan, facts)
    ref, channel = asyncio.run(version.publish(registry, manifest, files))
    typer.echo(f"published {ref.name} {ref.version} as {channel.value}")


async def _parent_file(registry: Registry, parent: ModelRef, runs: Path) -> Path:
    path = runs / f"{parent.version}.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(await registry.file(parent, KERAS_FILE))
    return path


@app.command()
def evaluate(
    data: Data,
    out: Annotated[Path, typer.Option(help="FILE.json; FILE.csv with one row a photo comes beside it")],
    model: Annotated[str, typer.Option(help="a version, a channel, or a version's folder")] = "champion",
    registry: Annotated[Path, typer.Option(help="the model registry")] = Path("models"),
    split: Annotated[str, typer.Option(help="of the data, where it names splits")] = "test",
    shortcuts: Annotated[bool, typer.Option(help="also what can be told without the lesion (masks, border)")] = False,
) -> None:
    """Evaluate a version as it is served, on LiteRT, with 95 % intervals overall and per subgroup."""
    from training_job import evaluate as evaluation

    version = asyncio.run(find_version(model, registry))
    found, answered = evaluation.run(version, read_manifest(data), split=split, shortcuts=shortcuts)
    evaluation.write(out, found, answered)
    typer.echo(json.dumps(found["overall"], indent=1))


async def find_version(model: str, registry_dir: Path) -> Version:
    """A version by its folder, channel or name; raises NotFound, RegistryError."""
    folder = Path(model)
    if (folder / MANIFEST_FILE).is_file():
        return read_folder(folder)
    registry = Registry(FileStore(registry_dir))
    if model in list(Channel):
        return await registry.load(await registry.resolve(Channel(model)))
    return await registry.load(await registry.by_version(model))


def read_folder(folder: Path) -> Version:
    """A version's folder outside of a registry, its files checked; raises RegistryError, OSError."""
    data = (folder / MANIFEST_FILE).read_bytes()
    manifest: Manifest = parse_manifest(data)
    files = {name: (folder / name).read_bytes() for name in manifest.files}
    wrong = [name for name, content in files.items() if sha256(content) != manifest.files[name].sha256]
    if wrong:
        raise RegistryError(f"{', '.join(wrong)} of {manifest.version} does not have the hash that its manifest names")
    return Version(ModelRef(name=manifest.name, version=manifest.version, sha256=sha256(data)), manifest, files)


def main() -> None:
    """Run; errors that a user can mend are one sentence and status 1."""
    try:
        app()
    except (ManifestError, RegistryError, PortError, OSError, ValueError, RuntimeError) as error:
        typer.echo(f"training_job: {error}", err=True)
        sys.exit(1)
