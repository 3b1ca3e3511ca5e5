"""The charts of the admin's pages, in words and numbers of the request's language. What each shows is in its title."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from gateway import comparing
from gateway.languages import _, said
from gateway.minutes import KEPT, Minute
from gateway.writing import number, percent
from nevus.charts import Axis, Estimate, Series, forest, line_chart, ticks
from nevus.domain import CurvePoint
from nevus.drift import DRIFTED, WATCH
from nevus.outcomes import Outcome, Share
from nevus.registry import Manifest
from nevus.tally import Drift

AUROC = "auroc_"  # what the names of such figures begin with
SHOWN = 4  # lines of one chart
RATES = tuple(value / 10 for value in range(0, 11, 2))


def axis(label: str, low: float | None = None, high: float | None = None, values: Sequence[float] = ()) -> Axis:
    """With marks as the language writes them."""
    return Axis(label, low, high, tuple((value, number(value)) for value in values))


def traffic(minutes: Sequence[Minute]) -> Markup:
    """Answers a minute, and errors."""
    ago = [(index - KEPT + 1, minute) for index, minute in enumerate(minutes)]
    most = max(4, *(minute.answers for minute in minutes))
    lines = [
        Series(_("answers"), [(x, minute.answers) for x, minute in ago]),
        Series(_("errors"), [(x, minute.errors) for x, minute in ago]),
    ]
    title = _("Answers a minute in the last hour, %(most)s at most", most=max(minute.answers for minute in minutes))
    up = axis(_("answers a minute"), 0, most, [value for value in ticks(0, most) if value == int(value)])
    return line_chart(title, lines, axis(_("minutes ago"), 1 - KEPT, 0, (-60, -45, -30, -15, 0)), up)


def curve(name: str, points: Mapping[str, Sequence[CurvePoint]], steps: int) -> Markup:
    """Some figures of a training run over its steps."""
    lines = [
        Series(label, [(p.step, p.value) for p in found], marked=len(found) < 15) for label, found in points.items()
    ]
    values = [point.value for found in points.values() for point in found]
    low, high = min(values), max(values)
    spread = (high - low) or 0.1
    low, high = max(0.0, low - spread / 10), high + spread / 10
    last = ", ".join(f"{label} {number(found[-1].value, 3)}" for label, found in points.items())
    title = _("%(name)s over the steps of the training; last: %(last)s", name=name, last=last)
    end = max(steps, 1)
    return line_chart(title, lines, axis(_("step"), 0, end, ticks(0, end)), axis(name, low, high, ticks(low, high)))


def run_curves(curves: Mapping[str, Sequence[CurvePoint]], steps: int) -> list[Markup]:
    """Loss, and AUROC on validation photos by source."""
    drawn, sources = (
        [],
        {name.removeprefix("auroc_"): p for name, p in curves.items() if name.startswith("auroc_") and p},
    )
    if curves.get("loss"):
        drawn.append(curve(_("Loss"), {"": curves["loss"]}, steps))
    if sources:
        drawn.append(curve(_("AUROC on validation photos"), dict(list(sources.items())[:SHOWN]), steps))
    return drawn


def interval(low: float | None, high: float | None) -> str:
    """Both ends, or nothing."""
    if low is None or high is None:
        return ""
    return " (" + _("%(low)s to %(high)s", low=number(low, 3), high=number(high, 3)) + ")"


def estimate(label: str, found: comparing.Figure) -> Estimate:
    """A row of a forest."""
    if found.value is None:
        return Estimate(label, text=_("too few to say"))
    return Estimate(
        label, found.value, (found.low, found.high), text=number(found.value, 3) + interval(found.low, found.high)
    )


def subgroups(manifest: Manifest, column: str, measure: str) -> Markup | None:
    """A measure by the values of a column; None where the manifest has none."""
    blocks = comparing.groups(manifest, column)
    rows = [
        estimate(_("%(group)s, %(n)s photos", group=name, n=block.get("n", 0)), comparing.of_group(block, measure))
        for name, block in blocks.items()
    ]
    if not rows:
        return None
    whole, label = comparing.figure(comparing.overall(manifest), measure), said(comparing.MEASURES[measure])
    title = _("%(measure)s by group: %(column)s", measure=label, column=said(comparing.COLUMNS[column]))
    return forest(title, rows, axis(label, *span(blocks, measure)), reference=whole.value)


def span(blocks: Mapping[str, Mapping[str, Any]], measure: str) -> tuple[float, float, tuple[float, ...]]:
    """From half to one, unless something lies below."""
    found = [comparing.of_group(block, measure) for block in blocks.values()]
    lowest = min([end for each in found for end in (each.value, each.low) if end is not None], default=0.5)
    return (0.5, 1.0, (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)) if lowest >= 0.5 else (0.0, 1.0, RATES)


def drifting(weeks: Sequence[Drift]) -> Markup | None:
    """The measures that have moved most, week by week, of one version and kind of photo; None with a single week."""
    ordered = sorted((each for each in weeks if each.week), key=lambda each: each.week or "")
    found: dict[str, list[tuple[float, float]]] = {}
    for place, each in enumerate(ordered):
        for measure in each.measures:
            if measure.corrected is not None:
                found.setdefault(measure.measure, []).append((place, measure.corrected))
    worst = sorted(found, key=lambda name: -max(value for _x, value in found[name]))[:SHOWN]
    if len(ordered) < 2 or not worst:
        return None
    high = max(0.4, *(value for name in worst for _x, value in found[name]))
    marks = tuple((float(place), (each.week or "")[5:]) for place, each in enumerate(ordered))
    lines = [Series(name, found[name], marked=True) for name in worst]
    up = axis(_("PSI"), 0, high, (0, WATCH, DRIFTED, *((round(high, 1),) if high > 0.4 else ())))
    title = _("Drift by week; the measures that have moved most: %(names)s", names=", ".join(worst))
    return line_chart(title, lines, Axis(_("week"), 0, len(ordered) - 1, marks), up)


def confirmed(outcome: Outcome) -> Markup:
    """What diagnoses say of the decisions of a version."""
    names = {"sensitivity": _("Sensitivity"), "specificity": _("Specificity"), "ppv": _("PPV"), "npv": _("NPV")}
    rows = [share(name, getattr(outcome, field)) for field, name in names.items()]
    title = _("Decisions against confirmed diagnoses, version %(version)s", version=outcome.version)
    return forest(title, rows, axis(_("share, with its 95 %% interval"), 0.0, 1.0, RATES))


def share(name: str, found: Share) -> Estimate:
    """A row of a forest."""
    label = _("%(name)s, of %(n)s", name=name, n=found.n)
    if found.value is None or found.interval is None:
        return Estimate(label, text=_("too few to say"))
    low, high = (percent(end) for end in found.interval)
    told = percent(found.value) + " (" + _("%(low)s to %(high)s", low=low, high=high) + ")"
    return Estimate(label, found.value, found.interval, text=told)
