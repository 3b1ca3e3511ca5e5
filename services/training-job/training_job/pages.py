"""Self-contained pages of tables and charts: no script, nothing loaded, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from training_job import charts

STYLE = charts.STYLE + (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1d2b2c;"
    "background:#fff}@media screen and (prefers-color-scheme:dark){body{color:#e4ecec;background:#14201f}}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;margin:1rem 0}th,td{border-bottom:1px solid #8886;"
    "padding:.25rem .75rem;text-align:left;vertical-align:top;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;font-weight:600}.quoted{font-style:italic}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}"
)


def page(title: str, parts: Iterable[Markup]) -> str:
    """A whole document."""
    head = Markup(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>{}</title><style>{}</style>'
        "<h1>{}</h1>"
    )
    return head.format(title, Markup(STYLE), title) + Markup("\n").join(parts) + Markup("</html>\n")  # noqa: S704  # ours


def heading(text: str) -> Markup:
    """Of a section."""
    return Markup("<h2>{}</h2>").format(text)


def paragraph(text: str, kind: str = "") -> Markup:
    """A line or more of text."""
    return Markup('<p class="{}">{}</p>').format(kind, text)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], quoted: Sequence[int] = ()) -> Markup:
    """A table that scrolls by itself where it is too wide; rows numbered in `quoted` are shown as quotations."""
    body = Markup("").join(
        Markup('<tr class="{}">{}</tr>').format("quoted" if i in quoted else "", _cells("td", row))
        for i, row in enumerate(rows)
    )
    return Markup('<div class="wide"><table><caption>{}</caption><tr>{}</tr>{}</table></div>').format(
        title, _cells("th", head), body
    )


def side_by_side(charts_drawn: Iterable[Markup]) -> Markup:
    """Charts in as many columns as fit."""
    return Markup('<div class="charts">{}</div>').format(Markup("").join(charts_drawn))


def _cells(kind: str, cells: Sequence[str]) -> Markup:
    return Markup("").join(Markup(f"<{kind}>{{}}</{kind}>").format(escape(cell)) for cell in cells)  # noqa: S704  # ours
