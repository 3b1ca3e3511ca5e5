"""How this process does, by its own metrics: what an admin sees at a glance. Pure: reads counters, asks nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gateway.metrics import Metrics
from gateway.minutes import Minute, quantile, together

SHARES = (0.5, 0.95, 0.99)
Times = tuple[float | None, ...]  # of SHARES, in seconds


@dataclass(frozen=True)
class Hour:
    """The last sixty minutes; `times` are those of photos that were assessed."""

    minutes: tuple[Minute, ...]
    answers: int
    errors: int
    photos: int
    times: Times

    @property
    def error_rate(self) -> float:
        """Share of answers; 0 without any."""
        return self.errors / self.answers if self.answers else 0.0


@dataclass(frozen=True)
class Route:
    """A route since the process began: answers, of which `refused` are 4xx and `errors` 5xx."""

    method: str
    path: str
    answers: int
    refused: int
    errors: int
    times: Times


@dataclass(frozen=True)
class Queue:
    """Uploads at the door, and those that were told to come again since the process began."""

    inside: int
    waiting: int
    at_once: int
    refused: int


def last_hour(metrics: Metrics) -> Hour:
    """Of the minutes that are kept."""
    minutes = metrics.minutes.shown()
    times = together(minutes)
    return Hour(
        minutes=minutes,
        answers=sum(minute.answers for minute in minutes),
        errors=sum(minute.errors for minute in minutes),
        photos=sum(times),
        times=tuple(quantile(times, share) for share in SHARES),
    )


def routes(metrics: Metrics) -> tuple[Route, ...]:
    """Those that were asked, the busiest first."""
    statuses: dict[tuple[str, str], Counter[str]] = {}
    for sample in samples_of(metrics, "nevus_requests_total"):
        key = (sample[0]["method"], sample[0]["route"])
        statuses.setdefault(key, Counter())[sample[0]["status"][:1]] += int(sample[1])
    times = times_by_route(metrics)
    found = [
        Route(*key, seen.total(), seen["4"], seen["5"] + seen["0"], times.get(key, (None,) * len(SHARES)))
        for key, seen in statuses.items()
    ]
    return tuple(sorted(found, key=lambda route: (-route.answers, route.path)))


def times_by_route(metrics: Metrics) -> dict[tuple[str, str], Times]:
    """Quantiles of the histograms; the exposition's buckets each hold those below them too."""
    upper: dict[tuple[str, str], list[int]] = {}
    for labels, value in samples_of(metrics, "nevus_request_seconds_bucket"):
        upper.setdefault((labels["method"], labels["route"]), []).append(int(value))
    found = {}
    for key, added in upper.items():
        counts = [here - before for before, here in zip([0, *added], added, strict=False)]
        found[key] = tuple(quantile(counts, share) for share in SHARES)
    return found


def queue(metrics: Metrics) -> Queue:
    """The door, as it is now."""
    places = {labels["where"]: int(value) for labels, value in samples_of(metrics, "nevus_door_uploads")}
    crew = [int(value) for _, value in samples_of(metrics, "nevus_door_crew")]
    refused = sum(int(value) for _, value in samples_of(metrics, "nevus_door_refusals_total"))
    return Queue(places.get("inside", 0), places.get("waiting", 0), crew[0] if crew else 0, refused)


def is_set(metrics: Metrics, name: str) -> bool:
    """Whether a gauge without labels is not 0."""
    return bool(metrics.registry.get_sample_value(name))


def samples_of(metrics: Metrics, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and values of one metric."""
    families = metrics.registry.restricted_registry([name]).collect()
    return [(sample.labels, sample.value) for each in families for sample in each.samples if sample.name == name]
