"""Charts as inline SVG: no script, no reference to anywhere, legible on a phone, in print, in light and in dark.

Lines take the text's colour and, for series, the classes of `STYLE`, which a page puts into its style sheet: nothing
here needs a style of its own, which a strict policy forbids. Series differ by dashes too, so that colour is never
needed. What a chart shows stands in its title for those who hear it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

WIDTH = 360.0
LINE = 17.0  # of text
LIGHT = ("#1f6f76", "#b4560f", "#6a4fb0", "#2f7d3c", "#a8326e", "#4c5a66")
DARK = ("#6cc5cc", "#ffb184", "#b9a5f5", "#8bdcb0", "#f29ac4", "#b9c7d1")
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")


def _variables(colours: Sequence[str]) -> str:
    return ":root{" + "".join(f"--series-{i}:{colour};" for i, colour in enumerate(colours)) + "}"


CLASSES = "".join(
    f".stroke-{i}{{stroke:var(--series-{i})}}.fill-{i}{{fill:var(--series-{i})}}" for i in range(len(LIGHT))
)
STYLE = (
    _variables(LIGHT)
    + "@media screen and (prefers-color-scheme:dark){"
    + _variables(DARK)
    + "}.chart{display:block;width:100%;max-width:30rem;height:auto;font:12px system-ui,sans-serif}"
    + ".chart text{fill:currentColor}"
    + CLASSES
)


@dataclass(frozen=True)
class Axis:
    """What is drawn along one side; a bound that is None is taken from the data."""

    label: str
    low: float | None = None
    high: float | None = None
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Series:
    """A line through (x, y) points, each with an optional (low, high) of y; `joined=False` draws points alone."""

    name: str
    points: Sequence[tuple[float, float]]
    intervals: Sequence[tuple[float, float] | None] = ()
    joined: bool = True
    marked: bool = False


@dataclass(frozen=True)
class Estimate:
    """One row: a value with its interval; without a value its `note` is told instead ("too few to say").

    `text` is written in the place of its figures, in another language for instance.
    """

    label: str
    value: float | None = None
    interval: tuple[float | None, float | None] = (None, None)
    note: str = ""
    text: str = ""


@dataclass(frozen=True)
class _Scale:
    """From data, `low` to `high`, to the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + min(1.0, max(0.0, share)) * (self.end - self.start), 1)


def line_chart(title: str, series: Sequence[Series], x: Axis, y: Axis, *, diagonal: bool = False) -> Markup:
    """Lines over two axes with a legend; `diagonal` draws y = x (chance, or perfect calibration)."""
    left, top, bottom = 46.0, 24.0, 250.0
    across = _scale(x, [px for each in series for px, _ in each.points], left, WIDTH - 16)
    heights = [py for each in series for _, py in each.points]
    heights += [bound for each in series for pair in each.intervals if pair for bound in pair]
    up = _scale(y, heights, bottom, top)
    parts = [_grid(across, x, up, y)]
    if diagonal:
        ends = [(value, value) for value in (max(across.low, up.low), min(across.high, up.high))]
        parts.append(_polyline(ends, across, up, 'stroke="currentColor" opacity=".45" stroke-dasharray="3 4"'))
    parts += [_series(i, each, across, up) for i, each in enumerate(series)]
    legend, height = _legend([each.name for each in series], bottom + 52)
    return _svg(title, height, [*parts, legend])


def forest(title: str, rows: Sequence[Estimate], axis: Axis, *, reference: float | None = None) -> Markup:
    """One horizontal interval a row, label and figure above it; `reference` marks a value in every row."""
    known = [v for row in rows for v in (row.value, *row.interval) if v is not None]
    across = _scale(axis, known, 8.0, WIDTH - 8)
    parts, at = [], 4.0
    for row in rows:
        parts.append(_row_text(row, at))
        if row.value is not None:
            parts.append(_interval_mark(row, across, at + LINE + 5, reference))
            at += 13
        at += LINE + 3
    return _svg(title, at + 42, [*parts, _bottom_axis(across, axis, at + 4)])


def bar_chart(title: str, names: Sequence[str], groups: Sequence[tuple[str, Sequence[Estimate]]], axis: Axis) -> Markup:
    """Horizontal bars in groups: one bar for each of `names`, in their order; an estimate's label stays unused."""
    known = [v for _, bars in groups for bar in bars for v in (bar.value, *bar.interval) if v is not None]
    across = _scale(Axis(axis.label, axis.low or 0.0, axis.high, axis.ticks), known, 8.0, WIDTH - 92)
    parts, at = [], 8.0
    for label, bars in groups:
        parts.append(_text(8, at + 11, label))
        at += LINE
        for i, bar in enumerate(bars):
            parts.append(_bar(i, bar, across, at))
            at += 16
        at += 6
    parts.append(_bottom_axis(across, axis, at))
    legend, height = _legend(names, at + 52, dashed=False)
    return _svg(title, height, [*parts, legend])


def figure(value: float) -> str:
    """A number with three digits that count: 0.897, 12.3, 1,240."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def ticks(low: float, high: float) -> list[float]:
    """Two to seven round numbers (1, 2 or 5 times a power of ten) between two bounds."""
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _scale(axis: Axis, values: Sequence[float], start: float, end: float) -> _Scale:
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low = min(finite) if axis.low is None else axis.low
    high = max(finite) if axis.high is None else axis.high
    return _Scale(low, high if high > low else low + 1, start, end)


def _marks(scale: _Scale, axis: Axis) -> list[tuple[float, str]]:
    return list(axis.ticks) or [(value, f"{value:,.10g}") for value in ticks(scale.low, scale.high)]


def _grid(across: _Scale, x: Axis, up: _Scale, y: Axis) -> str:
    parts = [_text(8, 14, y.label, 'opacity=".8"')]
    for value, told in _marks(up, y):
        ends = f'x1="{across.start}" x2="{across.end}" y1="{up(value)}" y2="{up(value)}"'
        parts.append(f'<line {ends} stroke="currentColor" opacity=".15"/>')
        parts.append(_text(across.start - 6, up(value) + 4, told, 'text-anchor="end"'))
    return "".join(parts) + _bottom_axis(across, x, up.start)


def _bottom_axis(across: _Scale, axis: Axis, at: float) -> str:
    parts = [f'<line x1="{across.start}" x2="{across.end}" y1="{at}" y2="{at}" stroke="currentColor" opacity=".6"/>']
    for value, told in _marks(across, axis):
        parts.append(f'<line x1="{across(value)}" x2="{across(value)}" y1="{at}" y2="{at + 4}" stroke="currentColor"/>')
        anchor = "start" if across(value) < 12 else "end" if across(value) > WIDTH - 20 else "middle"
        parts.append(_text(across(value), at + 17, told, f'text-anchor="{anchor}"'))
    middle = (across.start + across.end) / 2
    return "".join(parts) + _text(middle, at + 32, axis.label, 'text-anchor="middle" opacity=".8"')


def _series(i: int, series: Series, across: _Scale, up: _Scale) -> str:
    parts, points = [], [(x, y) for x, y in series.points if math.isfinite(x) and math.isfinite(y)]
    if series.joined:
        parts.append(_polyline(points, across, up, f'{_stroke(i)} stroke-width="2" stroke-dasharray="{_dash(i)}"'))
    for (x, _), pair in zip(series.points, series.intervals, strict=False):
        if pair:
            ends = f'x1="{across(x)}" x2="{across(x)}" y1="{up(pair[0])}" y2="{up(pair[1])}"'
            parts.append(f'<line {ends} {_stroke(i)} stroke-width="1.2" opacity=".7"/>')
    if series.marked or not series.joined:
        parts += [f'<circle cx="{across(x)}" cy="{up(y)}" r="3" {_fill(i)}/>' for x, y in points]
    return "".join(parts)


def _interval_mark(row: Estimate, across: _Scale, at: float, reference: float | None) -> str:
    parts, (low, high) = [], row.interval
    if reference is not None:
        ends = f'x1="{across(reference)}" x2="{across(reference)}" y1="{at - 6}" y2="{at + 6}"'
        parts.append(f'<line {ends} stroke="currentColor" opacity=".6"/>')
    if low is not None and high is not None:
        ends = f'x1="{across(low)}" x2="{across(high)}" y1="{at}" y2="{at}"'
        parts.append(f'<line {ends} {_stroke(0)} stroke-width="2" stroke-linecap="round"/>')
    return "".join(parts) + f'<circle cx="{across(row.value or 0.0)}" cy="{at}" r="4" {_fill(0)}/>'


def _row_text(row: Estimate, at: float) -> str:
    told = row.text or (row.note if row.value is None else _told(row))
    return _text(8, at + 11, row.label) + _text(WIDTH - 8, at + 11, told, 'text-anchor="end"')


def _told(row: Estimate) -> str:
    low, high = row.interval
    bounds = "" if low is None or high is None else f" ({figure(low)} to {figure(high)})"
    return figure(row.value or 0.0) + bounds + (f" {row.note}" if row.note else "")


def _bar(i: int, bar: Estimate, across: _Scale, at: float) -> str:
    if bar.value is None:
        return _text(12, at + 10, bar.note or "not measured", 'opacity=".8"')
    end, (low, high) = across(bar.value), bar.interval
    drawn = f'<rect x="{across.start}" y="{at}" width="{round(end - across.start, 1)}" height="12" rx="2" {_fill(i)}/>'
    if low is not None and high is not None:
        drawn += f'<line x1="{across(low)}" x2="{across(high)}" y1="{at + 6}" y2="{at + 6}" stroke="currentColor"/>'
        end = max(end, across(high))
    return drawn + _text(end + 5, at + 10, figure(bar.value) + (f" {bar.note}" if bar.note else ""))


def _legend(names: Sequence[str], at: float, *, dashed: bool = True) -> tuple[str, float]:
    """The names in as many lines as they need, and where they end; a single nameless series needs none."""
    if not any(names):
        return "", at - 12
    parts, left = [], 8.0
    for i, name in enumerate(names):
        width = 44 + 7.4 * len(name)
        if left > 8 and left + width > WIDTH:
            left, at = 8.0, at + LINE
        look = f'stroke-width="3" stroke-dasharray="{_dash(i) if dashed else "none"}"'
        parts.append(f'<line x1="{left}" x2="{left + 24}" y1="{at}" y2="{at}" {_stroke(i)} {look}/>')
        parts.append(_text(left + 30, at + 4, name))
        left = round(left + width, 1)
    return "".join(parts), at + 12


def _polyline(points: Sequence[tuple[float, float]], across: _Scale, up: _Scale, look: str) -> str:
    return f'<polyline fill="none" points="{" ".join(f"{across(x)},{up(y)}" for x, y in points)}" {look}/>'


def _text(x: float, y: float, said: str, look: str = "") -> str:
    return f'<text x="{round(x, 1)}" y="{round(y, 1)}" {look}>{escape(said)}</text>'


def _stroke(i: int) -> str:
    return f'class="stroke-{i % len(LIGHT)}"'


def _fill(i: int) -> str:
    return f'class="fill-{i % len(LIGHT)}"'


def _dash(i: int) -> str:
    return DASHES[i % len(DASHES)]


def _svg(title: str, height: float, parts: Sequence[str]) -> Markup:
    box = f'viewBox="0 0 {WIDTH:g} {round(height, 1):g}"'
    # Every part is drawn above, from numbers and escaped text.
    return Markup(f'<svg class="chart" role="img" {box}><title>{escape(title)}</title>{"".join(parts)}</svg>')  # noqa: S704
