"""One fixed workload, run anywhere and reported side by side."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from nevus.adapters.places import place
from nevus.registry import KERAS_FILE, Registry
from training_job.benchmark.drawn import drawn_set, fingerprint
from training_job.bootstrap import registry_at
from training_job.cost import machine_hour, prices
from training_job.reading import read_data, usable
from training_job.settings import Settings, read_settings

app = typer.Typer(help=__doc__, no_args_is_help=True)
DRAWN = "drawn"
BACKBONE = "mobilenet_v2"
SHIPPED = "shipped"
LARGEST = 2**24  # bytes of a file


@app.command()
def run(
    out: Annotated[str, typer.Option(help="FILE.json; a path or gs://bucket/name")],
    data: Annotated[str, typer.Option(help="a manifest, or `drawn`: the same drawings on every machine")] = DRAWN,
    platform: Annotated[str | None, typer.Option(help="name in the report; what is detected unless given")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="trainings; three or more tell their spread")] = 3,
    steps: Annotated[int, typer.Option(min=1, help="batches of fine-tuning")] = 120,
    head_steps: Annotated[int, typer.Option(min=0, help="batches before, with the backbone frozen")] = 20,
    batch_size: Annotated[int, typer.Option(min=2, help="photos a batch")] = 32,
    weights: Annotated[str, typer.Option(help="as for train, or `shipped`: of the newest MobileNetV2")] = SHIPPED,
    registry: Annotated[str | None, typer.Option(help="where `shipped` is looked for")] = None,
    machine: Annotated[str | None, typer.Option(help="machine type, for its list price")] = None,
    usd_per_hour: Annotated[float | None, typer.Option(min=0, help="of this machine, instead of a list price")] = None,
) -> None:
    """Train and evaluate once a seed; write times, use of the machine, cost and figures. Starts anew every time."""
    from training_job.benchmark.run import Order
    from training_job.benchmark.run import run as measured

    settings = read_settings()
    if machine and usd_per_hour is None:
        machine_hour(machine, prices())
    manifest = str(drawn_set(settings.data_dir / "benchmark" / DRAWN)) if data == DRAWN else data
    rows = usable(read_data(manifest, settings), ("isic10k",))
    order = Order(
        rows=rows,
        data=data if data == DRAWN else data.rpartition("/")[2],
        pixels=fingerprint(Path(manifest).parent) if data == DRAWN else None,
        weights=start_of(weights, registry_at(registry, settings), settings),
        seeds=seeds,
        steps=steps,
        head_steps=head_steps,
        batch_size=batch_size,
        platform=platform,
        machine_type=machine,
        usd_per_hour=usd_per_hour,
    )
    found = measured(order)
    write(out, json.dumps(found, indent=1) + "\n")
    typer.echo(json.dumps({name: found[name] for name in ("platform", "seconds", "pooled", "cost")}, indent=1))


def start_of(weights: str, registry: Registry, settings: Settings) -> str:
    """The file of the start weights; raises NotFound, RegistryError, ValueError without a shipped one."""
    if weights != SHIPPED:
        return weights
    return str(asyncio.run(_shipped(registry, settings.data_dir / "benchmark")))


async def _shipped(registry: Registry, folder: Path) -> Path:
    refs = [ref for ref in await registry.versions() if ref.name == BACKBONE]
    if not refs:
        raise ValueError(f"there is no {BACKBONE} in the registry; name a file by --weights")
    newest = max(refs, key=lambda ref: ref.version)
    path = folder / f"{newest.version}.keras"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(await registry.file(newest, KERAS_FILE))
    return path


@app.command()
def report(
    files: Annotated[list[str], typer.Argument(help="what runs have written; paths or gs://bucket/name")],
    out: Annotated[str, typer.Option(help="FILE.html; a path or gs://bucket/name")],
) -> None:
    """Draw runs side by side, and say which differences are more than noise."""
    from training_job.benchmark.report import page

    write(out, page([json.loads(place(file).read(LARGEST)) for file in files]))
    typer.echo(out)


def write(address: str, text: str) -> None:
    """Put it there, in place of what was; a Cloud Run job keeps no files of its own. Raises Unavailable, OSError."""
    with place(address).writing() as file:
        file.write(text.encode())
