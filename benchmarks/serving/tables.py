"""The figures of a run as rows of text, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.serving.cost import per_thousand
from benchmarks.serving.floor import Floor
from benchmarks.serving.results import MANY, Case, Run, Spread, beyond, of_case, of_visit, share, spread
from benchmarks.serving.targets import Outcome, outcomes

from training_job.cost import prices

Row = tuple[str, ...]
LOADS = (
    "stack",
    "connections",
    "answers/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "answered",
    "pending",
    "errors",
    "lost",
    "missing",
    "CPU ms",
)
STACKS = ("stack", "first answer s", "MiB at first", "MiB after 32", "CPU ms", "floor's share", "with all cores busy",
          "beyond it ms", "USD/1,000", "logit", "differs by")  # fmt: skip
FLOORS = ("CPU ms", "one loop alone", "a loop on each core")
TARGETS = ("figure", "median", "least", "most", "bound", "", "at the floor")
PARTS = {
    "intake": "intake: decode, re-encode",
    "decode": "decode the upload",
    "decode_clean": "decode what intake made",
    "invoke": "forward pass",
    "measured": "forward pass, quality, skin tone, OOD",
    "model": "floor of a server: decode, forward pass",
    "inference": "floor of Nevus inference: with the arithmetic",
    "whole": "floor of Nevus whole: with intake",
}

COLUMNS: tuple[Callable[[Case], float | None], ...] = (
    lambda case: case.rate,
    lambda case: case.percentile(50),
    lambda case: case.percentile(95),
    lambda case: case.percentile(99),
    lambda case: float(case.load.answered),
    lambda case: float(case.load.pending),
    lambda case: float(case.load.errors),
    lambda case: float(case.load.lost),
    lambda case: float(case.missing),
    lambda case: case.cpu_ms,
)


def loads(run: Run) -> list[Row]:
    """One row a stack and load, medians."""
    seen = [(stack, case) for stack in run.titles for case in cases_of(run, stack)]
    return [(stack, case, *(shown(of_case(run, stack, case, what)) for what in COLUMNS)) for stack, case in seen]


def cases_of(run: Run, stack: str) -> list[str]:
    """Those that any round has."""
    visits = [each.visits[stack] for each in run.rounds if stack in each.visits]
    return list(dict.fromkeys(case for visit in visits for case in visit.cases))


def stacks(run: Run) -> list[Row]:
    """One row a stack, medians."""
    return [stack_row(run, stack, title) for stack, title in run.titles.items()]


def stack_row(run: Run, stack: str, title: str) -> Row:
    """What it takes to start, to be there, and to answer."""
    first = of_visit(run, stack, lambda visit: visit.first_answer)
    if first is None:
        why = next((each.failed[stack] for each in run.rounds if stack in each.failed), "was not run")
        return (title, why.splitlines()[0][:80], *("-" for _ in STACKS[2:]))
    cost = cost_of(run, stack)
    return (
        title,
        shown(first),
        shown(of_visit(run, stack, lambda visit: visit.memory_at_start)),
        shown(of_visit(run, stack, lambda visit: visit.memory)),
        shown(of_case(run, stack, MANY, lambda case: case.cpu_ms)),
        percent(share(run, stack)),
        percent(share(run, stack, at_once=True)),
        shown(beyond(run, stack)),
        "-" if cost is None else f"{cost:.6f}",
        shown(of_visit(run, stack, lambda visit: visit.logit)),
        shown(of_visit(run, stack, lambda visit: visit.difference)),
    )


def cost_of(run: Run, stack: str) -> float | None:
    """USD of 1,000 answers on a busy instance with this machine's cores."""
    spent = of_case(run, stack, MANY, lambda case: case.cpu_ms)
    memory = of_visit(run, stack, lambda visit: visit.memory)
    if spent is None or memory is None:
        return None
    return per_thousand(spent.median, memory.median, run.machine["cores"], prices())


def floors(run: Run) -> list[Row]:
    """Medians of the parts and of the floors."""
    return [
        (told, floor_part(run, name, at_once=False), floor_part(run, name, at_once=True))
        for name, told in PARTS.items()
    ]


def floor_part(run: Run, name: str, *, at_once: bool) -> str:
    """One part."""
    every: list[Floor] = [each.floor_at_once if at_once else each.floor for each in run.rounds]
    return shown(spread(getattr(each, name) for each in every))


def targets(run: Run) -> list[Row]:
    """What is held against what."""
    return [target_row(each) for each in outcomes(run)]


def target_row(outcome: Outcome) -> Row:
    """One target."""
    found, target = outcome.found, outcome.target
    figures = ("-", "-", "-") if found is None else tuple(number(v) for v in (found.median, found.low, found.high))
    return (
        target.name,
        *figures,
        f"{'at most' if target.at_most else 'at least'} {number(target.bound)}",
        outcome.verdict,
        shown(outcome.at_floor),
    )


def shown(found: Spread | None) -> str:
    """Its median."""
    return "-" if found is None else number(found.median)


def number(value: float) -> str:
    """With the digits that count."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def percent(found: Spread | None) -> str:
    """A share."""
    return "-" if found is None else f"{100 * found.median:.0f} %"


def told(run: Run) -> str:
    """All tables, for a terminal."""
    parts = ((LOADS, loads(run)), (STACKS, stacks(run)), (FLOORS, floors(run)), (TARGETS, targets(run)))
    return "\n\n".join(aligned([head, *rows]) for head, rows in parts)


def aligned(rows: Sequence[Row]) -> str:
    """Columns as wide as they need."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
