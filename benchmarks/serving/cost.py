"""What 1,000 answers cost on Cloud Run, by the dated list prices of the training job's `prices.json`."""

from __future__ import annotations

import math

from training_job.cost import Prices

THOUSAND = 1000
STEP = 512  # MiB by which an instance's memory grows


def per_thousand(cpu_ms: float, mib: float, vcpus: int, given: Prices) -> float:
    """Of 1,000 answers on a busy instance with so many cores, and its memory rounded up to the next 512 MiB.

    Idle time, requests, storage and traffic are not counted.
    """
    seconds = THOUSAND * cpu_ms / 1000 / vcpus
    gib = STEP * math.ceil(mib / STEP) / 1024
    return seconds * (vcpus * given.vcpu_second + gib * given.gib_second)
