"""What a benchmark's run cost: its hours at a price that is listed or was given."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from training_job.benchmark.machine import CLOUD_RUN_JOB
from training_job.cost import Prices, machine_hour, prices, task_hour


def bill(usd_per_hour: float | None, machine: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
    """Price of an hour, its source and the cost; None where no price is known.

    The price is what was given, else of the machine type if it is listed, else of a Cloud Run job task of this size.
    """
    priced = _priced(usd_per_hour, machine, prices())
    if priced is None:
        return None
    hour, source = priced
    return {"usd_per_hour": round(hour, 6), "source": source, "usd": round(hour * seconds / 3600, 6)}


def _priced(given: float | None, machine: Mapping[str, Any], listed: Prices) -> tuple[float, str] | None:
    if given is not None:
        return given, "given by whoever ran it"
    with suppress(ValueError):  # of a type that is not listed
        return machine_hour(machine["machine_type"] or "", listed)
    if machine["platform"] == CLOUD_RUN_JOB:
        vcpus = machine["core_limit"] or machine["cores"]
        gib = machine["memory_limit_gib"] or machine["memory_gib"]
        return task_hour(vcpus=vcpus, gib=gib, given=listed), f"{listed.pages[0]}, read {listed.read}"
    return None
