"""What Locust's people saw of a stack, as its files tell it."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from nevus.domain import Frozen


class Moment(Frozen):
    """A second of Locust's history."""

    at: float
    people: int
    rate: float
    failures: float
    p50: float | None
    p95: float | None


class Steps(Frozen):
    """A step of the session over the whole run, milliseconds."""

    name: str
    requests: int
    failures: int
    p50: float
    p95: float
    p99: float


class People(Frozen):
    """A stack visited by people: `missing` are acknowledged photos that are not on record and terminal afterwards."""

    history: tuple[Moment, ...]
    steps: tuple[Steps, ...]
    sent: int
    acknowledged: int
    told_to_come_again: int
    given_up: int
    lost: int
    missing: int
    cpu: float


def history(lines: Iterable[str]) -> tuple[Moment, ...]:
    """Of Locust's `stats_history.csv`, all steps together."""
    rows = [row for row in csv.DictReader(lines) if row["Name"] == "Aggregated"]
    return tuple(
        Moment(
            at=float(row["Timestamp"]) - float(rows[0]["Timestamp"]),
            people=int(row["User Count"]),
            rate=float(row["Requests/s"]),
            failures=float(row["Failures/s"]),
            p50=known(row["50%"]),
            p95=known(row["95%"]),
        )
        for row in rows
    )


def steps(lines: Iterable[str]) -> tuple[Steps, ...]:
    """Of Locust's `stats.csv`, one a step."""
    return tuple(
        Steps(
            name=row["Name"],
            requests=int(row["Request Count"]),
            failures=int(row["Failure Count"]),
            p50=known(row["50%"]) or 0.0,
            p95=known(row["95%"]) or 0.0,
            p99=known(row["99%"]) or 0.0,
        )
        for row in csv.DictReader(lines)
        if row["Name"] != "Aggregated"
    )


def known(cell: str) -> float | None:
    """Locust writes N/A before the first answer."""
    return None if cell in ("", "N/A") else float(cell)
