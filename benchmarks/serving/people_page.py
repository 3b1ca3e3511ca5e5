"""What people saw, in tables and charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmarks.serving.seen import Moment, People
from benchmarks.serving.tables import Row, number
from markupsafe import Markup

from nevus.charts import Axis, Series, line_chart
from training_job import pages

COUNTS = ("stack", "sent", "acknowledged", "told to come again", "given up", "lost", "missing afterwards", "CPU s")
STEPS = ("stack", "step", "requests", "failures", "p50 ms", "p95 ms", "p99 ms")
REMARK = (
    "Locust's people send a photo, look at the result and open their list, 2 to 8 seconds between steps; the original "
    "keeps nothing, so that there a session is the photo alone. Locust shares the machine's cores."
)


def counts(found: Mapping[str, People]) -> list[Row]:
    """One row a stack."""
    return [(name, *map(number, figures(each))) for name, each in found.items()]


def figures(seen: People) -> tuple[float, ...]:
    """In the order of COUNTS."""
    told = (seen.sent, seen.acknowledged, seen.told_to_come_again, seen.given_up, seen.lost, seen.missing)
    return (*told, seen.cpu)


def steps(found: Mapping[str, People]) -> list[Row]:
    """One row a stack and step."""
    return [
        (name, step.name, *(number(v) for v in (step.requests, step.failures, step.p50, step.p95, step.p99)))
        for name, each in found.items()
        for step in each.steps
    ]


def section(found: Mapping[str, People]) -> Markup:
    """Of the page."""
    tables = pages.table("Photos", COUNTS, counts(found)), pages.table("Steps", STEPS, steps(found))
    return pages.section("500 people", pages.paragraph(REMARK), *tables, pages.side_by_side(*charts(found)))


def charts(found: Mapping[str, People]) -> Iterator[tuple[str, Markup]]:
    """Over time."""
    figures: tuple[tuple[str, str, Callable[[Moment], float | None]], ...] = (
        ("People", "people", lambda moment: moment.people),
        ("Requests a second", "requests/s", lambda moment: moment.rate),
        ("Failures a second", "failures/s", lambda moment: moment.failures),
        ("Median of the time until the answer", "ms", lambda moment: moment.p50),
        ("95th percentile of the time until the answer", "ms", lambda moment: moment.p95),
    )
    for title, label, figure in figures:
        series = [Series(name, points(each, figure)) for name, each in found.items()]
        yield title, line_chart(title, series, Axis("seconds", 0), Axis(label, 0))


def points(found: People, figure: Callable[[Moment], float | None]) -> list[tuple[float, float]]:
    """What is known."""
    values = ((moment.at, figure(moment)) for moment in found.history)
    return [(at, value) for at, value in values if value is not None]
