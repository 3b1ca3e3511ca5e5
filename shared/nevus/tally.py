"""What was answered, counted by ISO week, model version and kind of photo, so that drift can be told without records.

Each record is counted once, in the order of its creation; an erased one stays counted, as nothing of a person is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from pydantic import Field

from nevus.domain import Decision, Frozen, ModelRef, Prediction
from nevus.drift import Level, Shift, shift
from nevus.reference import DECISION, Baseline, Group, group_of
from nevus.weeks import monday, week_of

KEPT, SHOWN = timedelta(weeks=26), timedelta(weeks=8)
SEVERITY = tuple(Level)
Baselines = Mapping[ModelRef, Baseline | None]


class Cell(Frozen):
    """Of one week, version and group: photos, decisions, and counts of each measure in its reference's bins."""

    week: str
    model: ModelRef
    group: str
    n: int
    decisions: dict[str, int]
    counts: dict[str, tuple[int, ...]]

    @property
    def key(self) -> tuple[str, ModelRef, str]:
        """What it is of."""
        return self.week, self.model, self.group


class Tally(Frozen):
    """All cells, and the place of the record that was counted last."""

    format: int = 1
    place: tuple[datetime, str] | None = None
    cells: tuple[Cell, ...] = ()


class Drift(Frozen):
    """How far one version's photos of one kind are from its reference, in a week or over all weeks shown."""

    week: str | None = Field(description="ISO week in UTC; null for all that are shown")
    version: str
    modality: str
    n: int
    decisions: dict[str, int]
    reference: bool = Field(description="false: the version was made without one, and nothing is told")
    level: Level = Field(description="the worst of its measures")
    measures: tuple[Shift, ...]


@dataclass
class Counting:
    """A cell that grows."""

    n: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    counts: dict[str, list[int]] = field(default_factory=dict)

    def add(self, record: Prediction, baseline: Baseline | None, group: Group | None) -> None:
        """Count an answered record; without a reference only its decision."""
        if record.result is None:
            return
        self.n += 1
        self.decisions[record.result.decision.value] += 1
        if baseline is None or group is None:
            return
        embedding = np.frombuffer(record.embedding, "<f2").astype(np.float32)
        for name, value in baseline.observe(record.result, embedding).items():
            if histogram := group.measures.get(name):
                bins = self.counts.setdefault(name, [0] * len(histogram.counts))
                bins[histogram.bin(value)] += 1


def counted(tally: Tally, records: Iterable[Prediction], baselines: Baselines) -> Tally:
    """The tally with these records too, which follow its place; those without an answer only move it on."""
    place, cells = tally.place, {cell.key: cell for cell in tally.cells}
    grown: dict[tuple[str, ModelRef, str], Counting] = {}
    for record in records:
        place = (record.created_at, record.id)
        if record.model is None or record.result is None:
            continue
        kind, baseline = group_of(record.context.modality), baselines.get(record.model)
        group = baseline.reference.groups.get(kind) if baseline else None
        key = (week_of(record.created_at), record.model, kind)
        if key not in grown:
            grown[key] = growing(cells.get(key))
        grown[key].add(record, baseline, group)
    cells |= {key: cell(key, found) for key, found in grown.items()}
    return Tally(place=place, cells=tuple(cells.values()))


def growing(cell: Cell | None) -> Counting:
    """From what has been counted."""
    if cell is None:
        return Counting()
    return Counting(cell.n, Counter(cell.decisions), {name: list(bins) for name, bins in cell.counts.items()})


def cell(key: tuple[str, ModelRef, str], found: Counting) -> Cell:
    """What has been counted."""
    week, model, group = key
    counts = {name: tuple(bins) for name, bins in found.counts.items()}
    return Cell(week=week, model=model, group=group, n=found.n, decisions=dict(found.decisions), counts=counts)


def without_old(tally: Tally, today: date) -> Tally:
    """Without the weeks that began longer ago than KEPT."""
    kept = tuple(cell for cell in tally.cells if today - monday(cell.week) <= KEPT)
    return tally.model_copy(update={"cells": kept})


def drift(tally: Tally, baselines: Baselines, today: date) -> tuple[Drift, ...]:
    """Of each version and kind of photo: all weeks that are shown together, then each, newest first."""
    shown: dict[tuple[str, str, ModelRef], list[Cell]] = {}
    for each in tally.cells:
        if today - monday(each.week) <= SHOWN:
            shown.setdefault((each.model.version, each.group, each.model), []).append(each)
    found = []
    for _, cells in sorted(shown.items(), key=lambda item: item[0][:2], reverse=True):
        cells.sort(key=lambda each: each.week, reverse=True)
        baseline = baselines.get(cells[0].model)
        found += [held(None, cells, baseline), *(held(each.week, [each], baseline) for each in cells)]
    return tuple(found)


def held(week: str | None, cells: list[Cell], baseline: Baseline | None) -> Drift:
    """Cells of one version and group, taken together and held against its reference."""
    model, group = cells[0].model, cells[0].group
    known = baseline.reference.groups.get(group) if baseline else None
    decisions = sum((Counter(each.decisions) for each in cells), Counter[str]())
    measures = shifts(cells, decisions, known) if known else ()
    return Drift(
        week=week,
        version=model.version,
        modality=group,
        n=sum(each.n for each in cells),
        decisions=dict(decisions),
        reference=known is not None,
        level=max((each.level for each in measures), key=SEVERITY.index, default=Level.TOO_FEW),
        measures=measures,
    )


def shifts(cells: list[Cell], decisions: Mapping[str, int], known: Group) -> tuple[Shift, ...]:
    """Each measure's, and that of the mix of decisions."""
    found = []
    for name, histogram in known.measures.items():
        bins = np.sum([each.counts.get(name, (0,) * len(histogram.counts)) for each in cells], axis=0)
        found.append(shift(name, bins.tolist(), histogram.counts))
    mix, usual = ([counts.get(each, 0) for each in Decision] for counts in (decisions, known.decisions))
    return (*found, shift(DECISION, mix, usual, ordered=False))
