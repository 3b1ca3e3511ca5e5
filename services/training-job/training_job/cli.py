"""`python -m training_job`: train a version, evaluate one."""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from nevus.domain import ModelRef
from nevus.lifetime import follow_parent_if_asked
from nevus.ports import NotFound, PortError
from nevus.registry import KERAS_FILE, Channel, Precision, Registry, RegistryError
from nevus.telemetry import configure
from training_job import signing
from training_job.benchmark import cli as benchmark
from training_job.bootstrap import publishing_at, recorded, registry_at
from training_job.comparing.cli import compare
from training_job.data import ManifestError
from training_job.exporting import export, publish
from training_job.finding import find_version
from training_job.plan import Plan, run_folder
from training_job.reading import Data, read_data, usable
from training_job.settings import Settings, read_settings

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(benchmark.app, name="benchmark")
app.command()(compare)
app.command()(export)
app.command()(signing.keys)
app.command()(signing.sign)
UNSTATED = "not stated; the licences of the training photos apply"


@app.command()
def train(
    data: Data,
    weights: Annotated[str, typer.Option(help="a weight file, imagenet (downloads), or champion")] = "imagenet",
    out: Annotated[str, typer.Option(help="the model registry; a path or gs://bucket")] = "models",
    backbone: Annotated[str, typer.Option(help="the network: docs/training.md")] = "mobilenet_v2",
    side: Annotated[int | None, typer.Option(min=32, help="pixels of its input; the backbone's unless given")] = None,
    views: Annotated[int, typer.Option(help="quarter turns that the model averages over: 1 or 4")] = 1,
    precision: Annotated[Precision, typer.Option(help="in which the served model computes: float or int8")] = "float",
    name: Annotated[str | None, typer.Option(help="the model's name; the backbone's unless given")] = None,
    steps: Annotated[int, typer.Option(min=1, help="batches of fine-tuning")] = 2800,
    head_steps: Annotated[int, typer.Option(min=0, help="batches before, with the backbone frozen")] = 100,
    batch_size: Annotated[int, typer.Option(min=2, help="photos a batch")] = 32,
    seed: Annotated[int, typer.Option(help="of everything random")] = 7,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="batches between checkpoints")] = 200,
    runs: Annotated[Path, typer.Option(help="where checkpoints are kept")] = Path(".nevus/training"),
    licence: Annotated[str, typer.Option(help="of the training photos, for the card")] = UNSTATED,
    uncalibrated: Annotated[str, typer.Option(help="sources, by commas, that set no threshold")] = "isic10k",
) -> None:
    """Train a version and publish it: champion of an empty registry, else challenger. The same call resumes."""
    from training_job import backbones, lineage, version
    from training_job import train as training

    network, settings = backbones.find(backbone), read_settings()
    registry = publishing_at(out, settings)
    rows = usable(read_data(data, settings), uncalibrated.split(","))
    parent = asyncio.run(registry.resolve(Channel.CHAMPION)) if weights == "champion" else None
    start = str(asyncio.run(_parent_file(registry, parent, runs))) if parent else weights
    plan = Plan(
        weights=start,
        backbone=backbone,
        side=side or network.side,
        views=views,
        precision=precision,
        steps=steps,
        head_steps=head_steps,
        batch_size=batch_size,
        seed=seed,
    )
    trainer = training.Trainer(rows, plan, run_folder(rows, plan, runs))
    trainer.run(every=checkpoint_every)
    facts = {
        "inherited": asyncio.run(lineage.inherited(registry, parent, weights, rows)),
        "name": name or backbone.lower(),
        "licence": licence,
        "parent": parent.version if parent else None,
        "uncalibrated": tuple(uncalibrated.split(",")),
        "training": trainer.spent(),
    }
    manifest, files = version.make(trainer.model, rows, plan, facts)
    publish(registry, manifest, files, data)


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
    registry: Annotated[str | None, typer.Option(help="the model registry; a path or gs://bucket")] = None,
    split: Annotated[str, typer.Option(help="of the data, where it names splits")] = "test",
    shortcuts: Annotated[bool, typer.Option(help="also what can be told without the lesion (masks, border)")] = False,
    evidence: Annotated[bool, typer.Option(help="also curves, altered photos, leaks, ordinary photographs")] = False,
) -> None:
    """Evaluate a version as it is served, on LiteRT, with 95 % intervals overall and per subgroup."""
    from training_job import evaluate as evaluation
    from training_job.evidence import collect

    settings = read_settings()
    version = asyncio.run(find_version(model, registry_at(registry, settings)))
    rows = read_data(data, settings)
    found, answered = evaluation.run(version, rows, split=split, shortcuts=shortcuts)
    if evidence:
        found["evidence"] = collect.run(version, rows, answered)
    evaluation.write(out, found, answered)
    typer.echo(json.dumps(found["overall"], indent=1))


@app.command()
def retrain(run: Annotated[str, typer.Option(help="id of a training run that the gateway has begun")]) -> None:
    """One attempt at a training run, on from the champion; progress goes into the run's record."""
    from training_job import bootstrap

    follow_parent_if_asked()
    configure("training-job", (settings := read_settings()).log_level)
    raise typer.Exit(bootstrap.retrain(run, settings))


@app.command()
def promote(
    check: Annotated[bool, typer.Option("--check", help="only write the verdict; the champion stays")] = False,
    model: Annotated[str, typer.Option(help="a version, or a channel")] = "challenger",
    registry: Annotated[str | None, typer.Option(help="the model registry; a path or gs://bucket")] = None,
    data: Annotated[str | None, typer.Option(help="manifest of the guard set; TRAINING_DATA's unless given")] = None,
) -> None:
    """Check a version against the champion by the promotion policy; it takes its place when it meets every bar."""
    from training_job.promotion import command

    settings = read_settings()
    told = partial(recorded, settings, registry)
    promotion = command.Promotion(registry_at(registry, settings), settings, asyncio.run, recorded=told)
    lines, passed = promotion.promote(model, data, only_check=check)
    typer.echo("\n".join(lines))
    raise typer.Exit(0 if passed else 1)


@app.command()
def rollback(
    registry: Annotated[str | None, typer.Option(help="the model registry; a path or gs://bucket")] = None,
) -> None:
    """Point the champion at the version that it replaced."""
    from training_job.promotion.check import roll_back

    async def back(settings: Settings) -> ModelRef:
        async with recorded(settings, registry, "rollback", "champion"):
            return await roll_back(registry_at(registry, settings))

    earlier = asyncio.run(back(read_settings()))
    typer.echo(f"{earlier.name} {earlier.version} is the champion again")


@app.command()
def score(
    data: Annotated[str, typer.Option(help="CSV with the column file; a path or gs:// address")],
    out: Annotated[str, typer.Option(help="a folder for the results; a path or gs:// address")],
    model: Annotated[str, typer.Option(help="a version, or a channel")] = "champion",
    registry: Annotated[str | None, typer.Option(help="the model registry; a path or gs://bucket")] = None,
    part: Annotated[int, typer.Option(min=1, help="photos a part; a task that is tried again goes on after one")] = 500,
    memory: Annotated[float, typer.Option(min=0.1, help="GiB of a task, for the cost")] = 2.0,
    merge: Annotated[bool, typer.Option("--merge", help="only merge the shards")] = False,
) -> None:
    """Score any number of photos; with CLOUD_RUN_TASK_INDEX and _COUNT a shard of them, the last one merges."""
    from training_job import scoring

    configure("training-job", (settings := read_settings()).log_level)
    task = scoring.Task(data=data, out=out, model=model, part_rows=part, gib=memory)
    summary = scoring.merge(task) if merge else scoring.run(task, registry_at(registry, settings), settings)
    typer.echo("other shards are not finished" if summary is None else json.dumps(summary, indent=1))


def main() -> None:
    """Run; errors that a user can mend are one sentence and status 1."""
    try:
        app()
    except NotFound as error:
        typer.echo(f"training_job: there is no {error}", err=True)
        sys.exit(1)
    except (ManifestError, RegistryError, PortError, OSError, ValueError, RuntimeError) as error:
        typer.echo(f"training_job: {error}", err=True)
        sys.exit(1)
