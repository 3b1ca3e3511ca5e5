"""Reading a manifest, bringing its photos to this machine, and what of them a training uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from training_job.data import Row, paths, read_manifest, refuse_empty_splits, refuse_shared_groups, split_by_group
from training_job.fetch import fetch
from training_job.settings import Settings

Data = Annotated[str, typer.Option(help="CSV with the columns file and malignant (docs/training.md); or gs://...")]


def read_data(data: str, settings: Settings) -> list[Row]:
    """The rows of a manifest, their photos and masks on this machine; raises ManifestError, PortError."""
    rows = read_manifest(data, settings.cache_dir)
    fetch(paths(rows), settings.cache_dir)
    return rows


def usable(rows: Sequence[Row], uncalibrated: Sequence[str]) -> list[Row]:
    """What a training uses: with splits, none of the photos alike over them; raises ManifestError, OSError."""
    from training_job.evidence import leaks

    split = split_by_group(rows)
    refuse_shared_groups(split)
    found = leaks.apart(split)
    refuse_empty_splits(found, uncalibrated)
    return found
