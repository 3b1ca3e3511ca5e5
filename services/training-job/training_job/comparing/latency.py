"""How long one photo takes each of several versions on one core, measured in turns so that a busy machine is fair."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nevus.adapters.litert import LitertModel
from nevus.imaging import decode, to_input
from nevus.measure import Measurer
from nevus.registry import MODEL_FILE, Version

PHOTOS = 60
WARM_UP = 3
Work = Callable[[], object]


def latencies(versions: Sequence[Version], photos: Sequence[bytes], rounds: int = PHOTOS) -> list[dict[str, Any]]:
    """Of each version: `invoke` (LiteRT alone) and `measure` (decode, invoke, quality, distance); ms a photo.

    Every version sees the same photos, one after the other. Raises RegistryError, Unprocessable.
    """
    models = [_runs(version) for version in versions]
    spent: list[dict[str, list[tuple[float, float]]]] = [{"invoke": [], "measure": []} for _ in versions]
    for number in range(-WARM_UP, rounds):
        photo = photos[number % len(photos)]
        for works, times in zip(models, spent, strict=True):
            for name, work in works(photo).items():
                found = timed(work)
                if number >= 0:
                    times[name].append(found)
    return [{name: summary(values) for name, values in times.items()} for times in spent]


def _runs(version: Version) -> Callable[[bytes], dict[str, Work]]:
    model = LitertModel(version.files[MODEL_FILE], version.manifest.outputs)
    measurer, side = Measurer(version), version.manifest.input.side

    def works(photo: bytes) -> dict[str, Work]:
        pixels = to_input(decode(photo, side), side)
        return {"invoke": lambda: model.run(pixels), "measure": lambda: measurer.measure(photo)}

    return works


def timed(work: Work) -> tuple[float, float]:
    """Milliseconds by the clock and of this thread's processor time."""
    clock, processor = time.perf_counter(), time.thread_time()
    work()
    return 1000 * (time.perf_counter() - clock), 1000 * (time.thread_time() - processor)


def summary(values: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Median and 95th percentile by the clock; median of processor time, which a busy machine hardly changes."""
    wall, cpu = np.array(values).T
    return {
        "median_ms": round(float(np.median(wall)), 2),
        "p95_ms": round(float(np.percentile(wall, 95)), 2),
        "cpu_median_ms": round(float(np.median(cpu)), 2),
    }
