"""The command `compare`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from training_job.bootstrap import registry_at
from training_job.comparing.candidates import Candidate, trained
from training_job.comparing.compare import Entry, Protocol
from training_job.comparing.compare import compare as compared
from training_job.data import Row
from training_job.finding import find_version
from training_job.reading import Data, read_data, usable
from training_job.settings import Settings, read_settings


def compare(
    data: Data,
    out: Annotated[Path, typer.Option(help="FILE.json; FILE.html comes beside it")],
    model: Annotated[list[str] | None, typer.Option(help="a version, a channel, or a version's folder; repeat")] = None,
    backbone: Annotated[list[str] | None, typer.Option(help="a network to train; repeat")] = None,
    weights: Annotated[list[str] | None, typer.Option(help="NAME=FILE: where a network starts; repeat")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each network")] = 1,
    first_seed: Annotated[int, typer.Option(help="the others count up from it")] = 7,
    steps: Annotated[int | None, typer.Option(min=1, help="as for train")] = None,
    head_steps: Annotated[int | None, typer.Option(min=0, help="as for train")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="as for train")] = None,
    uncalibrated: Annotated[str, typer.Option(help="as for train")] = "isic10k",
    runs: Annotated[Path, typer.Option(help="where what is trained is kept")] = Path(".nevus/training"),
    registry: Annotated[str | None, typer.Option(help="where versions and channels are looked for")] = None,
    split: Annotated[str, typer.Option(help="of the data, where it names splits")] = "test",
    shortcuts: Annotated[bool, typer.Option(help="as for evaluate")] = False,
    evidence: Annotated[bool, typer.Option(help="as for evaluate; else what each version's manifest tells")] = False,
    latency_rounds: Annotated[int, typer.Option(min=1, help="photos whose time is taken")] = 60,
) -> None:
    """Compare versions, or networks that are trained for it, on the same photos and seeds. The same call resumes."""
    from training_job.comparing.page import page

    if len(model or []) + len(set(backbone or [])) < 2:
        raise ValueError("there are fewer than two models to compare")
    settings = read_settings()
    rows = read_data(data, settings)
    entries = taken(model or [], registry, settings)
    if backbone:
        numbers = {"--steps": steps, "--head-steps": head_steps, "--batch-size": batch_size}
        options = [word for name, n in numbers.items() if n is not None for word in (name, str(n))]
        options += ["--uncalibrated", uncalibrated]
        rows = usable(rows, uncalibrated.split(","))
        start = dict(each.partition("=")[::2] for each in weights or [])
        for name, seed in product(dict.fromkeys(backbone), range(first_seed, first_seed + seeds)):
            candidate = Candidate(data, name, start.get(name, "imagenet"), seed, tuple(options))
            entries.append(entry_of(candidate, rows, runs))
    found = compared(entries, rows, Protocol(split, shortcuts, evidence, latency_rounds))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")
    out.with_suffix(".html").write_text(page(found))
    typer.echo(json.dumps(found["seeds"], indent=1))


def taken(models: Sequence[str], registry: str | None, settings: Settings) -> list[Entry]:
    """The versions that were named; raises NotFound, RegistryError, ValueError for one that is named twice."""
    versions = [asyncio.run(find_version(name, registry_at(registry, settings))) for name in models]
    labels = [v.ref.version if Path(name).is_dir() else name for name, v in zip(models, versions, strict=True)]
    for each in (labels, [version.ref.version for version in versions]):
        if len(set(each)) < len(each):
            raise ValueError(f"the same version is named twice among {', '.join(models)}")
    return [Entry(label, version) for label, version in zip(labels, versions, strict=True)]


def entry_of(candidate: Candidate, rows: Sequence[Row], runs: Path) -> Entry:
    """Trained, or found where an earlier call has trained it."""
    version, folder = trained(candidate, rows, runs)
    return Entry(candidate.backbone, version, str(folder / "models"))
