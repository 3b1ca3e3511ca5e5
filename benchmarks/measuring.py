"""What one photo costs inference, in CPU time of one core: decoding, forward pass, quality measures.

`python -m benchmarks.measuring`: the shipped champion, drawn photos of 600x450. CPU time, so that a busy machine
tells the same.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from tests.photos import lesion

from nevus.adapters.files import FileStore
from nevus.measure import Measurer
from nevus.registry import Channel, Registry, Version

PHOTOS = 200


async def champion() -> Version:
    """The version that ships."""
    registry = Registry(FileStore(Path("models")))
    return await registry.load(await registry.resolve(Channel.CHAMPION))


def main() -> None:
    """Measure and print."""
    measurer, photo = Measurer(asyncio.run(champion())), lesion()
    measurer.warm_up(photo)
    times = []
    for _ in range(PHOTOS):
        begun = time.thread_time()
        measurer.measure(photo)
        times.append((time.thread_time() - begun) * 1000)
    print(f"{PHOTOS} photos: median {statistics.median(times):.2f} ms of CPU, slowest {max(times):.2f} ms")


if __name__ == "__main__":
    main()
