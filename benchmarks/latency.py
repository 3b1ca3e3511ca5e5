"""How long a photo takes from a client's upload to the durable answer, and what memory the services hold.

Start `make run` with NEVUS_ADMIN_KEY, then: `.venv/dev/bin/python -m benchmarks.latency http://127.0.0.1:8080 KEY`.
One client, one photo after another; drawn photos; nothing else should run on the machine.
"""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

import httpx
import numpy as np
from tests.photos import lesion

CASES = (("600x450", (600, 450), 200), ("4000x3000 (12 megapixels)", (4000, 3000), 30))
WARM_UP = 10


def measure(client: httpx.Client, size: tuple[int, int], count: int) -> list[float]:
    """Milliseconds of each upload."""
    photos = [lesion(size, seed) for seed in range(3)]
    found = []
    for number in range(count + WARM_UP):
        begun = time.perf_counter()
        answer = client.post("/v1/predictions", files={"image": ("p.jpg", photos[number % 3])})
        answer.raise_for_status()
        found.append((time.perf_counter() - begun) * 1000)
    return found[WARM_UP:]


def resident() -> dict[str, float]:
    """Megabytes by service, its worker processes included, on Linux."""
    found: dict[str, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_text()
            pages = int((entry / "statm").read_text().split()[1])
        except OSError:
            continue
        for service in ("gateway", "inference"):
            if f".venv/{service}/" in command and "run.py" not in command:
                found[service] = found.get(service, 0) + pages * 4096 / 1e6
    return found


def main() -> None:
    """Print a table."""
    url, key = sys.argv[1:]
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print("at rest:", ", ".join(f"{name} {size:.0f} MB" for name, size in sorted(resident().items())))
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30) as client:
        for name, size, count in CASES:
            p50, p95, p99 = np.percentile(measure(client, size, count), [50, 95, 99])
            print(f"{name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms (n={count})")


if __name__ == "__main__":
    main()
