"""Reading a manifest, and bringing its photos to this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from training_job.data import Row, paths, read_manifest
from training_job.fetch import fetch
from training_job.settings import Settings

Data = Annotated[str, typer.Option(help="CSV with the columns file and malignant (docs/training.md); or gs://...")]


def read_data(data: str, settings: Settings) -> list[Row]:
    """The rows of a manifest, their photos and masks on this machine; raises ManifestError, PortError."""
    rows = read_manifest(data, settings.cache_dir)
    fetch(paths(rows), settings.cache_dir)
    return rows
