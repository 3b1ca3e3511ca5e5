"""What a million photos cost on Cloud Run job tasks: list prices of `prices.json` and a measured rate."""

from __future__ import annotations

from pathlib import Path

from nevus.domain import Frozen

MILLION = 1_000_000
PRICES = Path(__file__).with_name("prices.json")


class Prices(Frozen):
    """List prices, with the pages and the day that they were read."""

    currency: str
    read: str
    pages: tuple[str, ...]
    vcpu_second: float
    gib_second: float
    object_read: float


def prices(file: Path = PRICES) -> Prices:
    """Raises pydantic's ValidationError (a ValueError) on a file that is none, OSError."""
    return Prices.model_validate_json(file.read_bytes())


def per_million(rate: float, *, vcpus: float, gib: float, remote: bool, given: Prices) -> float:
    """Of photos at `rate` a second on one task of that size, each read from Cloud Storage if `remote`.

    A task's start and traffic out of the region are not counted.
    """
    second = vcpus * given.vcpu_second + gib * given.gib_second
    return round(MILLION * (second / rate + remote * given.object_read), 4)
