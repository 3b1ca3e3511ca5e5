"""The least that a photo costs: its parts in a tight loop on one thread, in milliseconds of CPU time.

`python -m benchmarks.serving.floor REGISTRY COUNT` writes a `Floor`. Drawn photos of 600x450, as the load generator's.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.photos import lesion

from gateway.intake_worker import Clean, clean
from nevus.adapters.files import FileStore
from nevus.adapters.litert import LitertModel
from nevus.domain import Frozen
from nevus.imaging import decode, to_input
from nevus.measure import Measurer
from nevus.registry import MODEL_FILE, Channel, Registry, Version

T = TypeVar("T")
R = TypeVar("R")
WARM_UP = 20
LIMIT = 300  # seconds


class Floor(Frozen):
    """Milliseconds of CPU time of one photo's parts; `measured` is the forward pass with quality and OOD arithmetic."""

    intake: float
    decode: float
    decode_clean: float
    invoke: float
    measured: float

    @property
    def model(self) -> float:
        """Decode and forward pass."""
        return self.decode + self.invoke

    @property
    def inference(self) -> float:
        """With the arithmetic on quality, skin tone and OOD."""
        return self.decode + self.measured

    @property
    def whole(self) -> float:
        """Intake before it: decode, re-encode, decode again."""
        return self.intake + self.decode_clean + self.measured


async def champion(registry: Path) -> Version:
    """The version that all serve."""
    found = Registry(FileStore(registry))
    return await found.load(await found.resolve(Channel.CHAMPION))


def timed(work: Callable[[T], R], inputs: Sequence[T], count: int) -> tuple[float, list[R]]:
    """Milliseconds of CPU time of one call, and what it made of each input."""
    results = [work(each) for each in inputs]
    for i in range(WARM_UP):
        work(inputs[i % len(inputs)])
    begun = time.process_time()
    for i in range(count):
        work(inputs[i % len(inputs)])
    return 1000 * (time.process_time() - begun) / count, results


def measure(registry: Path, count: int) -> Floor:
    """One loop after the other."""
    version = asyncio.run(champion(registry))
    side = version.manifest.input.side
    photos = [lesion(seed=seed) for seed in range(8)]
    intake, cleaned = timed(clean, photos, count)
    clean_photos = [each.jpeg for each in cleaned if isinstance(each, Clean)]
    decoding, pixels = timed(lambda photo: to_input(decode(photo, side), side), photos, count)
    again, _ = timed(lambda photo: to_input(decode(photo, side), side), clean_photos, count)
    invoking, _ = timed(LitertModel(version.files[MODEL_FILE], version.manifest.outputs).run, pixels, count)
    measured, _ = timed(Measurer(version).measure_pixels, pixels, count)
    return Floor(intake=intake, decode=decoding, decode_clean=again, invoke=invoking, measured=measured)


def at_once(registry: Path, count: int, processes: int) -> list[Floor]:
    """What as many processes at the same time measure, each one loop."""
    command = [sys.executable, "-m", "benchmarks.serving.floor", str(registry), str(count)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    try:
        return [Floor.model_validate_json(each.communicate(timeout=LIMIT)[0]) for each in started]
    finally:
        for each in started:
            each.kill()


if __name__ == "__main__":
    print(measure(Path(sys.argv[1]), int(sys.argv[2])).model_dump_json())
