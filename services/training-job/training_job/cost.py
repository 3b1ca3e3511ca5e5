"""What photos and seconds cost by the dated list prices of `prices.json`."""

from __future__ import annotations

from pathlib import Path

from nevus.domain import Frozen

MILLION = 1_000_000
PRICES = Path(__file__).with_name("prices.json")


class MachinePrices(Frozen):
    """List prices of machine types, on demand, in one region, and where they were read; disks are not in them."""

    source: str
    usd_per_hour: dict[str, float]


class Prices(Frozen):
    """List prices, with the pages and the day that they were read."""

    currency: str
    read: str
    pages: tuple[str, ...]
    vcpu_second: float
    gib_second: float
    object_read: float
    machines: tuple[MachinePrices, ...] = ()


def prices(file: Path = PRICES) -> Prices:
    """Raises pydantic's ValidationError (a ValueError) on a file that is none, OSError."""
    return Prices.model_validate_json(file.read_bytes())


def per_million(rate: float, *, vcpus: float, gib: float, remote: bool, given: Prices) -> float:
    """Of photos at `rate` a second on one task of that size, each read from Cloud Storage if `remote`.

    A task's start and traffic out of the region are not counted.
    """
    second = vcpus * given.vcpu_second + gib * given.gib_second
    return round(MILLION * (second / rate + remote * given.object_read), 4)


def task_hour(*, vcpus: float, gib: float, given: Prices) -> float:
    """Of one Cloud Run job task of that size."""
    return 3600 * (vcpus * given.vcpu_second + gib * given.gib_second)


def machine_hour(machine: str, given: Prices) -> tuple[float, str]:
    """List price of an hour of a machine type, and its source; raises ValueError for one that is not listed."""
    for listed in given.machines:
        if machine in listed.usd_per_hour:
            return listed.usd_per_hour[machine], listed.source
    known = ", ".join(name for listed in given.machines for name in listed.usd_per_hour)
    raise ValueError(f"there is no price of {machine}; give its price, or one of: {known}")
