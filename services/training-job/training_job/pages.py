"""Self-contained pages of tables and charts in the look of a version's report: no script, every text escaped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from markupsafe import Markup

from nevus import charts

SHEET = Path(__file__).parent / "templates" / "report.css"
HEAD = Markup(
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>{0}</title>'
    "<style>{1}tr.quoted{{font-style:italic}}</style><h1>{0}</h1>"
)


def page(title: str, parts: Iterable[Markup]) -> str:
    """A whole document."""
    style = Markup(charts.STYLE + SHEET.read_text())  # noqa: S704  # both are files of this package
    return HEAD.format(title, style) + Markup("\n").join(parts) + Markup("</html>\n")


def section(title: str, *parts: Markup) -> Markup:
    """Some of the page under a heading."""
    return Markup("<section><h2>{}</h2>{}</section>").format(title, Markup("").join(parts))


def paragraph(text: str) -> Markup:
    """A line or more of text."""
    return Markup("<p>{}</p>").format(text)


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], quoted: Collection[int] = ()) -> Markup:
    """A table that scrolls by itself where it is too wide; rows numbered in `quoted` are shown as quotations."""
    body = Markup("").join(_row(row, quoted=i in quoted) for i, row in enumerate(rows))
    heads = Markup("").join(Markup('<th scope="col">{}</th>').format(cell) for cell in head)
    return Markup(
        '<div class="wide" role="region" tabindex="0" aria-label="{0}"><table><caption>{0}</caption>'
        "<thead><tr>{1}</tr></thead><tbody>{2}</tbody></table></div>"
    ).format(title, heads, body)


def side_by_side(*drawn: tuple[str, Markup]) -> Markup:
    """Charts with their captions, in as many columns as fit."""
    figures = (Markup("<figure><figcaption>{}</figcaption>{}</figure>").format(*each) for each in drawn)
    return Markup('<div class="pair">{}</div>').format(Markup("").join(figures))


def _row(cells: Sequence[str], *, quoted: bool) -> Markup:
    rest = Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells[1:])
    return Markup('<tr class="{}"><th scope="row">{}</th>{}</tr>').format("quoted" if quoted else "", cells[0], rest)
