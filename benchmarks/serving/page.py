"""A run as one self-contained page with charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.serving import people_page, tables
from benchmarks.serving.results import CROWD, FEW, MANY, Run, Spread, of_case, of_visit, share
from markupsafe import Markup

from nevus.charts import Axis, Estimate, Series, bar_chart, line_chart
from training_job import pages
from training_job.cost import prices

Captioned = tuple[str, Markup]
REMARK = (
    "Load generator, stacks and floors share the machine's cores; its own CPU time is not in a stack's. Figures are "
    "medians over rounds, bars end in their least and most. All stacks serve the same model version; a logit that "
    "differs comes from another way to scale the photo."
)
CROWD_REMARK = (
    "Everyone sends one photo in the same moment. A line that ends lower has lost or refused the rest. First round."
)


def page(run: Run) -> str:
    """The document."""
    return pages.page("Nevus and its peers, serving the same model", parts(run))


def parts(run: Run) -> Iterator[Markup]:
    """In their order."""
    yield pages.paragraph(
        f"{run.model}; {len(run.rounds)} rounds; code {(run.git_commit or 'not recorded')[:12]}; {run.at}"
    )
    facts = ", ".join(f"{k} {v}" for k, v in run.machine.items() if v is not None)
    yield pages.paragraph(f"{facts}. {REMARK}")
    yield pages.section("Held against", pages.table("Medians of ratios", tables.TARGETS, tables.targets(run)))
    yield pages.section("Under load", loads(run), pages.side_by_side(*load_charts(run)))
    yield pages.section("500 at once", pages.paragraph(CROWD_REMARK), pages.side_by_side(*crowd_charts(run)))
    yield pages.section("What an answer takes", stacks(run), pages.side_by_side(*stack_charts(run)))
    if run.people:
        yield people_page.section(run.people)
    yield pages.section("The floor", pages.table("Medians, tight loops", tables.FLOORS, tables.floors(run)))


def loads(run: Run) -> Markup:
    """Every load."""
    return pages.table("Medians of rounds", tables.LOADS, tables.loads(run))


def stacks(run: Run) -> Markup:
    """Every stack, and where the prices are from."""
    given = prices()
    source = f"Prices of Cloud Run in {given.currency}, read {given.read}: {given.pages[0]}."
    return Markup("").join(
        [pages.table("Medians of rounds", tables.STACKS, tables.stacks(run)), pages.paragraph(source)]
    )


def bars(
    title: str, label: str, names: Sequence[str], run: Run, values: Sequence[Sequence[Spread | None]]
) -> Captioned:
    """A group a stack."""
    groups = [(name, [bar(each) for each in row]) for name, row in zip(run.titles.values(), values, strict=True)]
    return title, bar_chart(title, names, groups, Axis(label, 0))


def bar(found: Spread | None) -> Estimate:
    """With the rounds' extremes."""
    return Estimate("", note="not measured") if found is None else Estimate("", found.median, (found.low, found.high))


def load_charts(run: Run) -> Iterator[Captioned]:
    """Answers a second, and how long they take."""
    names = [f"{case} connection{'' if case == FEW else 's'}" for case in (FEW, MANY)]
    rates = [[of_case(run, stack, case, lambda each: each.rate) for case in (FEW, MANY)] for stack in run.titles]
    yield bars("Answers a second", "answers/s", names, run, rates)
    for case, name in ((FEW, "1 connection"), (MANY, "32 connections")):
        times = [[waiting(run, stack, case, at) for at in (50, 95, 99)] for stack in run.titles]
        yield bars(f"Milliseconds until the answer, {name}", "ms", ("p50", "p95", "p99"), run, times)


def waiting(run: Run, stack: str, case: str, at: float) -> Spread | None:
    """A percentile of the time until the answer."""
    return of_case(run, stack, case, lambda each: each.percentile(at))


def crowd_charts(run: Run) -> Iterator[Captioned]:
    """How many have their answer after how long: peers as they are, and those given Nevus' decoder left out."""
    series = []
    for stack, title in run.titles.items():
        visit = run.rounds[0].visits.get(stack)
        if visit and CROWD in visit.cases and "+" not in stack:
            waits = sorted(visit.cases[CROWD].load.answered_ms)
            thinned = range(0, len(waits), max(1, len(waits) // 100))
            points = [(0.0, 0.0), *((waits[i] / 1000, float(i + 1)) for i in thinned)]
            series.append(Series(title, [*points, *([(waits[-1] / 1000, float(len(waits)))] if waits else [])]))
    title = "Answered after so many seconds"
    yield title, line_chart(title, series, Axis("seconds", 0), Axis("answered", 0))


def stack_charts(run: Run) -> Iterator[Captioned]:
    """CPU time, floor, memory, start."""
    spent = [[of_case(run, stack, case, lambda each: each.cpu_ms) for case in (FEW, MANY)] for stack in run.titles]
    yield bars("CPU milliseconds an answer", "ms", ("1 connection", "32 connections"), run, spent)
    yield bars(
        "Floor's share of the CPU time", "share, 32 connections", ("",), run, [[share(run, s)] for s in run.titles]
    )
    memory = [[of_visit(run, stack, lambda visit: visit.memory)] for stack in run.titles]
    yield bars("Memory after 32 connections", "MiB", ("",), run, memory)
    first = [[of_visit(run, stack, lambda visit: visit.first_answer)] for stack in run.titles]
    yield bars("From start to the first answer", "seconds", ("",), run, first)
