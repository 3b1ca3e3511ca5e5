"""Several versions on the same photos: what each one is worth, what it takes, and which differ by more than chance."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nevus.machine import cores
from nevus.registry import MODEL_FILE, Version
from training_job import evaluate
from training_job.benchmark import machine
from training_job.comparing.latency import latencies
from training_job.comparing.pairs import Seeds, compared
from training_job.cost import per_million, prices, task_hour
from training_job.data import Row
from training_job.evaluate import Answered, as_answers
from training_job.evidence import collect
from training_job.metrics import RESAMPLES, rounded
from training_job.outcomes import STATISTICS

LATENCY_PHOTOS = 20
GIB = 2.0  # of a Cloud Run task that costs are reckoned for
ALL = "all"


@dataclass(frozen=True)
class Entry:
    """A version to compare; those with the same label are one recipe's seeds."""

    label: str
    version: Version
    folder: str | None = None

    @property
    def seed(self) -> int | None:
        """That it was trained with."""
        return self.version.manifest.seeds.get("training")


@dataclass(frozen=True)
class Protocol:
    """On which photos, and how thoroughly."""

    split: str = "test"
    shortcuts: bool = False
    evidence: bool = False
    latency_rounds: int = 60
    resamples: int = RESAMPLES


def compare(entries: Sequence[Entry], rows: Sequence[Row], protocol: Protocol) -> dict[str, Any]:
    """Everything that is written. Raises ValueError for fewer than two models or no photos, OSError, RegistryError."""
    if len({entry.label for entry in entries}) < 2:
        raise ValueError("there are fewer than two models to compare")
    photos = [row.path.read_bytes() for row in sample(rows, protocol.split)]
    speeds = latencies([entry.version for entry in entries], photos, protocol.latency_rounds)
    found, by_label = [], dict[str, list[list[Answered]]]()
    for number, entry in enumerate(entries):
        report, answered, seconds = evaluated(entry, rows, protocol)
        found.append(facts(entry) | took(entry, seconds, speeds[number]) | report)
        by_label.setdefault(entry.label, []).append(answered)
    return {
        "format": 1,
        "split": protocol.split,
        "evidence": "on these photos" if protocol.evidence else "as each version's manifest tells it",
        "machine": machine.facts(),
        "models": found,
        "seeds": {label: over_seeds([as_answers(each) for each in several]) for label, several in by_label.items()},
        "pairs": by_scope(by_label, protocol.resamples),
        "prices": prices().model_dump(exclude={"machines"}) | {"task": {"vcpus": cores(), "gib": GIB}},
    }


def evaluated(entry: Entry, rows: Sequence[Row], protocol: Protocol) -> tuple[dict[str, Any], list[Answered], float]:
    """A version's report, its answers, and the seconds that they took; raises ValueError, Unprocessable, OSError.

    Its evidence is gathered on these photos if that was asked, else it is what the version's manifest tells.
    """
    begun = time.monotonic()
    report, answered = evaluate.run(entry.version, rows, split=protocol.split, shortcuts=protocol.shortcuts)
    seconds = time.monotonic() - begun
    recorded = entry.version.manifest.metrics.get("evidence") or {}
    evidence = collect.run(entry.version, rows, answered) if protocol.evidence else recorded
    return {"report": report, "evidence": evidence}, answered, seconds


def sample(rows: Sequence[Row], split: str) -> list[Row]:
    """A few of the photos, evenly drawn from the split; raises ValueError without any."""
    used = evaluate.chosen_rows(rows, split)
    if not used:
        raise ValueError(f"there are no photos in the split {split!r}")
    return used[:: max(1, len(used) // LATENCY_PHOTOS)][:LATENCY_PHOTOS]


def facts(entry: Entry) -> dict[str, Any]:
    """What a version is."""
    manifest = entry.version.manifest
    return {
        "label": entry.label,
        "name": manifest.name,
        "version": manifest.version,
        "seed": entry.seed,
        "folder": entry.folder,
        "side": manifest.input.side,
        "model_mb": round(len(entry.version.files[MODEL_FILE]) / 1e6, 2),
        "version_mb": round(sum(file.size for file in manifest.files.values()) / 1e6, 2),
    }


def took(entry: Entry, seconds: float, latency: Mapping[str, Any]) -> dict[str, Any]:
    """Time and cost of its training, where its manifest tells, of this evaluation, and of a million photos.

    The million is reckoned from the processor time of a photo, which does not hang on what else the machine does.
    """
    training = entry.version.manifest.metrics.get("training") or {}
    trained, rate = training.get("seconds"), cores() * 1000 / latency["measure"]["cpu_median_ms"]
    listed = prices()
    hour = task_hour(vcpus=cores(), gib=GIB, given=listed)
    return {
        "training": training,
        "training_usd": trained and round(hour * trained / 3600, 4),
        "evaluation_seconds": round(seconds, 2),
        "photos_per_second": round(rate, 2),
        "usd_per_million": per_million(rate, vcpus=cores(), gib=GIB, remote=False, given=listed),
        "latency": latency,
    }


def over_seeds(seeds: Seeds) -> dict[str, Any]:
    """Mean and standard deviation of each figure over a recipe's seeds."""
    found: dict[str, Any] = {"seeds": len(seeds)}
    for name, statistic in STATISTICS.items():
        values = [statistic(each) for each in seeds]
        spread = rounded(statistics.stdev(values)) if len(values) > 1 else None
        found[name] = {"mean": rounded(float(np.mean(values))), "spread": spread}
    return found


def by_scope(by_label: Mapping[str, Sequence[Sequence[Answered]]], resamples: int) -> dict[str, Any]:
    """The pairs on all photos and on those of each source."""
    first = next(iter(by_label.values()))[0]
    sources = np.array([each.row.source for each in first])
    scopes = {ALL: np.ones(len(sources), bool)}
    if len(names := np.unique(sources)) > 1:
        scopes |= {str(name): sources == name for name in names}
    answers = {label: [as_answers(each) for each in several] for label, several in by_label.items()}
    return {
        scope: compared({label: [each.take(among) for each in seeds] for label, seeds in answers.items()}, resamples)
        for scope, among in scopes.items()
    }
