"""A version's report (self-contained HTML, no script) and its card (Markdown), both from the manifest alone."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from nevus.registry import Manifest

FIGURES = (
    "auroc", "sensitivity", "specificity", "accuracy", "specificity_at_95_sensitivity", "specificity_at_90_sensitivity",
    "ece", "calibration_slope", "calibration_intercept", "brier", "selective_accuracy", "coverage",
    "sensitivity_of_being_seen", "share_routine_of_benign",
)  # fmt: skip
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2b2c}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{border-bottom:1px solid #ccd;padding:.25rem .75rem;"
    "text-align:left;font-variant-numeric:tabular-nums}caption{text-align:left;font-weight:600}"
)
Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def told(figure: Any) -> str:
    """A figure with its 95 % interval, such as `0.901 (0.880 to 0.921)`."""
    if not isinstance(figure, dict):
        return "-" if figure is None else str(figure)
    value, (low, high) = figure["value"], figure["interval"]
    if value is None or low is None:
        return "-"
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def tables(manifest: Manifest) -> Iterable[Table]:
    """Title, head and rows of each table."""
    metrics = manifest.metrics
    sources = metrics.get("subgroups", {}).get("source", {})
    columns = {"all": metrics.get("overall", {}), **sources}
    rows = [(name.replace("_", " "), *(told(each.get(name)) for each in columns.values())) for name in FIGURES]
    counts = [("photos", *(str(each.get("n", 0)) for each in columns.values()))]
    counts.append(("malignant", *(str(each.get("malignant", 0)) for each in columns.values())))
    yield "Test photos, by source", ("figure (95 % interval)", *columns), counts + rows
    if metrics.get("masked_lesion"):
        yield "With the lesion painted over", ("figure", "value"), pairs(metrics["masked_lesion"])
    border = metrics.get("border_only", {})
    yield (
        "What the border of the photo alone can tell (the lower, the better the data set)",
        ("source", "AUROC", "accuracy"),
        [(source, str(found["auroc"]), str(found["accuracy"])) for source, found in border.items()],
    )
    for column, values in metrics.get("subgroups", {}).items():
        if column != "source" and values:
            yield f"By {column.replace('_', ' ')}", ("value", "photos", "malignant", "AUROC", "note"), subgroup(values)
    yield "Operating points", ("modality", "name", "threshold", "sensitivity", "specificity"), points(manifest)


def pairs(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Name and figure."""
    return [(name.replace("_", " "), told(value)) for name, value in found.items()]


def subgroup(values: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a value; with too few photos no figure is told."""
    few = "too few to say"
    return [
        (name, str(f["n"]), str(f["malignant"]), few if f.get("note") else told(f.get("auroc")), f.get("note", ""))
        for name, f in values.items()
    ]


def points(manifest: Manifest) -> list[tuple[str, ...]]:
    """Each modality's operating points, as they showed on the validation photos."""
    return [
        (modality.value, p.name, f"{p.threshold:.4f}", f"{p.measured_sensitivity:.3f}", f"{p.specificity:.3f}")
        for modality, constants in manifest.modalities.items()
        for p in constants.operating_points
    ]


def facts(manifest: Manifest) -> list[tuple[str, ...]]:
    """What stands at the top."""
    use = manifest.intended_use
    sources = ", ".join(f"{name}: {sum(n.values())}" for name, n in manifest.data.get("sources", {}).items())
    return [
        ("version", manifest.version),
        ("licence", manifest.licence),
        ("photos", sources),
        (
            "evidence for",
            f"age {use.min_age} and above; Fitzpatrick types {', '.join(map(str, use.fitzpatrick)) or '-'}",
        ),
        ("code", manifest.git_commit or "not recorded"),
        ("parent", manifest.parent or "none"),
    ]


def html(manifest: Manifest) -> str:
    """The report as one page."""
    body = "".join(_html_table(*table) for table in (("Version", ("", ""), facts(manifest)), *tables(manifest)))
    title = escape(f"{manifest.name} {manifest.version}")
    warning = "Not a medical device. Figures are on the test photos named here and hold for no others."
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>{warning}</p>{body}</html>\n"
    )


def _html_table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    first = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rest = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption><tr>{first}</tr>{rest}</table>"


def card(manifest: Manifest) -> str:
    """The same in Markdown."""
    parts = [f"# {manifest.name} {manifest.version}", "Not a medical device."]
    for title, head, rows in (("Version", ("what", "value"), facts(manifest)), *tables(manifest)):
        lines = [head, tuple("---" for _ in head), *rows]
        parts += [f"## {title}", "\n".join("| " + " | ".join(line) + " |" for line in lines)]
    return "\n\n".join(parts) + "\n"
