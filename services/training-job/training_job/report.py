"""A version's report (self-contained HTML, no script) and its card (Markdown), both from the manifest alone.

The card has the sections of a model card (Mitchell et al., FAT* 2019). What a manifest does not hold is told as not
measured, so that versions of every age can be shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, Undefined
from markupsafe import Markup, escape

from nevus.charts import STYLE
from nevus.registry import Manifest
from training_job import report_charts as charts
from training_job import report_tables as tables
from training_job import report_words as words

TEMPLATES = Path(__file__).parent / "templates"
FIGURE = re.compile(r"^(-?[\d.]+) (\(.*\))$")
MARKDOWN = re.compile(r"[\\`*\[\]|<>]")


def known(told: Callable[[Any], str]) -> Callable[[Any], str]:
    """A filter that takes what a manifest lacks for None."""
    return lambda value: told(None if isinstance(value, Undefined) else value)


def environment(**settings: Any) -> Environment:
    """Of this package's templates; what a manifest lacks is empty there."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
    told: tuple[Callable[[Any], str], ...] = (words.told, words.rate, words.percent, words.plain, words.spaced)
    found.filters |= {each.__name__: known(each) for each in told} | {"line": line, "cell": cell}
    return found


def escaped(value: object) -> Markup:
    """Text on one line that is nothing but text in Markdown and in HTML."""
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).replace("&", "&amp;").split())
    return Markup(MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", text))  # noqa: S704  # escaped here


def cell(text: str) -> Markup:
    """A figure whose interval goes to the next line as a whole, where there is no room beside it."""
    if text == words.TOO_FEW:
        return Markup('<span class="i">{}</span>').format(text)
    if found := FIGURE.match(text):
        return Markup('{} <span class="i">{}</span>').format(*found.groups())
    return escape(text)


def line(cells: Sequence[str]) -> Markup:
    """A row of a table in Markdown."""
    return Markup("| {} |").format(Markup(" | ").join(escaped(cell or " ") for cell in cells))


PAGES = environment()
CARDS = environment(finalize=escaped)


def html(manifest: Manifest) -> str:
    """The report as one page."""
    drawn = PAGES.get_template("report.html").render(view(manifest) | pictures(manifest))
    return re.sub(r"\n\s*\n+", "\n", drawn)


def card(manifest: Manifest) -> str:
    """The same in short, in Markdown."""
    return re.sub(r"\n{3,}", "\n\n", CARDS.get_template("card.md").render(view(manifest)))


def view(manifest: Manifest) -> dict[str, Any]:
    """What both show: tables, sentences, and the parts of the evidence, empty where not measured."""
    metrics, evidence = manifest.metrics, evidence_of(manifest)
    return {
        "manifest": manifest,
        "metrics": metrics,
        "evidence": evidence,
        "version": tables.version(manifest),
        "summary": summary(manifest),
        "by_source": tables.by_source(manifest),
        "points": {
            name: (tables.confusion(sources), tables.predictive_values(sources))
            for name, sources in evidence["operating_points"].items()
        },
        "thresholds": tables.thresholds(manifest),
        "targets": tables.targets(evidence["targets"]),
        "subgroups": subgroups(manifest),
        "border": tables.border(manifest),
        "overlays": tables.overlays(evidence["overlays"]),
        "corruptions": tables.corruptions(evidence["corruptions"]),
        "gate": tables.gate(evidence["quality_gate"]),
        "hard": tables.hard(evidence["hard"]),
        "photos": tables.photos(manifest),
        "recipe": tables.facts("Plan", manifest.data.get("recipe")),
        "training": tables.facts("What it took", metrics.get("training")),
        "libraries": tables.facts("Libraries", manifest.libraries),
        "files": tables.files(manifest),
    }


EVIDENCE = ("curves", "operating_points", "overlays", "corruptions", "orientation", "leaks", "ood", "quality_gate")


def evidence_of(manifest: Manifest) -> dict[str, Any]:
    """Every part of the evidence, empty where not measured."""
    found = manifest.metrics.get("evidence") or {}
    return {name: found.get(name) or {} for name in EVIDENCE} | {n: found.get(n) or [] for n in ("targets", "hard")}


def summary(manifest: Manifest) -> dict[str, Any]:
    """What it is worth, source by source, and for whom not."""
    metrics = manifest.metrics
    border = metrics.get("border_only") or {}
    sources = metrics.get("subgroups", {}).get("source") or {"all test photos": metrics.get("overall") or {}}
    return {
        "sources": [
            (source, found, words.worth(found), words.warned(border.get(source))) for source, found in sources.items()
        ],
        "not_for": words.not_for(manifest),
        "unproven": words.unproven(manifest),
        "reached": words.reached(evidence_of(manifest)["targets"]),
    }


def subgroups(manifest: Manifest) -> dict[str, tuple[str, tables.Table | None]]:
    """Title and table of each column: those that every report names, and what else was measured."""
    found = manifest.metrics.get("subgroups") or {}
    titles = words.COLUMNS | {column: words.spaced(column) for column in found if column not in words.COLUMNS}
    return {column: (title, tables.subgroup(column, found.get(column) or {})) for column, title in titles.items()}


def pictures(manifest: Manifest) -> dict[str, Any]:
    """The charts, None where not measured."""
    metrics, evidence = manifest.metrics, evidence_of(manifest)
    overall = ((metrics.get("overall") or {}).get("auroc") or {}).get("value")
    columns = subgroups(manifest)
    found = metrics.get("subgroups") or {}
    return {
        "style": Markup(STYLE),  # noqa: S704  # our own
        "roc": charts.roc(evidence["curves"]),
        "reliability": charts.reliability(evidence["curves"]),
        "forests": {column: charts.subgroup(column, found.get(column) or {}, overall) for column in columns},
        "overlay_chart": charts.overlays(evidence["overlays"]),
        "orientation_chart": charts.orientation(evidence["orientation"]),
        "corruption_charts": charts.corruptions(evidence["corruptions"]),
    }
