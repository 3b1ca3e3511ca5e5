"""The charts of a report, from what a manifest holds."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from nevus.charts import Axis, Estimate, Series, forest, line_chart
from nevus.outcomes import few
from training_job.report_tables import SEVERITIES
from training_job.report_words import TOO_FEW, own_measure, spaced

SHARE = (0.0, 1.0)
SEVERITY = Axis("severity", 0, 3, ((0, "none"), (1, "1"), (2, "2"), (3, "3")))


def roc(curves: dict[str, Any]) -> Markup | None:
    """ROC curves of every source."""
    series = [Series(source, [(x, y) for x, y in each["roc"]]) for source, each in curves.items() if each.get("roc")]
    axes = Axis("benign photos called malignant (1 - specificity)", *SHARE), Axis("sensitivity", *SHARE)
    return line_chart("ROC curves by source", series, *axes, diagonal=True) if series else None


def reliability(curves: dict[str, Any]) -> Markup | None:
    """Observed shares of malignant photos over predicted ones, ten bins a source at most."""
    series = []
    for source, each in curves.items():
        bins = [b for b in each.get("reliability") or [] if b.get("observed") is not None]
        intervals = [_pair(b.get("interval")) for b in bins]
        if bins:
            series.append(Series(source, [(b["predicted"], b["observed"]) for b in bins], intervals, marked=True))
    axes = Axis("predicted probability", *SHARE), Axis("observed share of malignant photos", *SHARE)
    return line_chart("Reliability curves by source", series, *axes, diagonal=True) if series else None


def subgroup(column: str, values: dict[str, Any], overall: float | None) -> Markup | None:
    """AUROC of each value of a column, with how many photos it rests on.

    Diagnoses are of one class each: theirs is the share that is called right.
    """
    if not values:
        return None
    if column == "diagnosis":
        rows = [_called_right(name, figures) for name, figures in values.items()]
        return forest("Share called right, by diagnosis", rows, Axis("share called right", *SHARE))
    rows = [_estimate(_counted(name, figures), figures, "auroc") for name, figures in values.items()]
    lows = [row.interval[0] for row in rows if row.interval[0] is not None]
    lowest = min([0.5, *lows])
    return forest(f"AUROC by {spaced(column)}", rows, Axis("AUROC", lowest, 1), reference=overall)


def _called_right(name: str, figures: dict[str, Any]) -> Estimate:
    measure = own_measure(figures)
    kind = "malignant" if measure == "sensitivity" else "benign"
    return _estimate(f"{name} ({kind}, {figures.get('n', 0):,})", figures, measure)


def _counted(name: str, figures: dict[str, Any]) -> str:
    return f"{name} ({figures.get('malignant', 0):,} of {figures.get('n', 0):,})"


def _estimate(label: str, figures: dict[str, Any], measure: str) -> Estimate:
    if few(figures, measure):
        return Estimate(label, note=TOO_FEW)
    return estimate(label, figures.get(measure))


def estimate(label: str, figure: dict[str, Any] | None) -> Estimate:
    """A row of a forest; what has no value was not measured."""
    if not figure or figure.get("value") is None:
        return Estimate(label, note="not measured")
    low, high = figure.get("interval") or (None, None)
    return Estimate(label, figure["value"], (low, high))


def overlays(found: dict[str, Any]) -> Markup | None:
    """Specificity lost under each overlay."""
    rows = [estimate(spaced(kind), each.get("specificity_drop")) for kind, each in found.get("kinds", {}).items()]
    title = "Specificity lost under overlays"
    bounds = [v for row in rows for v in row.interval if v is not None]
    axis = Axis("specificity lost (the mark is none)", min([-0.05, *bounds]), max([0.1, *bounds]))
    return forest(title, rows, axis, reference=0.0) if rows else None


def orientation(found: dict[str, Any]) -> Markup | None:
    """Share of photos whose decision stays, by how they are turned."""
    rows = [estimate(spaced(turned), each) for turned, each in found.get("by", {}).items()]
    lows = [row.interval[0] for row in rows if row.interval[0] is not None]
    axis = Axis("share of decisions that stay", min([0.9, *lows]), 1)
    return forest("Decisions that stay when the photo is turned", rows, axis) if rows else None


def corruptions(found: dict[str, Any]) -> list[Markup]:
    """AUROC and the share of rejected photos over severity."""
    kinds = found.get("kinds") or {}
    if not kinds:
        return []
    clean = (found.get("clean_auroc") or {}).get("value")
    scores = [Series(spaced(k), _over_severity(clean, each, _auroc), marked=True) for k, each in kinds.items()]
    shares = [Series(spaced(k), _over_severity(None, each, _rejected), marked=True) for k, each in kinds.items()]
    lowest = min([0.5, *(y for each in scores for _, y in each.points)])
    highest = max([0.1, *(y for each in shares for _, y in each.points)])
    return [
        line_chart("AUROC over severity", scores, SEVERITY, Axis("AUROC", lowest, 1)),
        line_chart("Share of photos rejected, over severity", shares, SEVERITY, Axis("rejected", 0, highest)),
    ]


def _over_severity(clean: float | None, kind: dict[str, Any], value: Any) -> list[tuple[float, float]]:
    points = [] if clean is None else [(0.0, clean)]
    return points + [(float(s), found) for s in SEVERITIES if (found := value(kind.get(s) or {})) is not None]


def _auroc(at: dict[str, Any]) -> float | None:
    found: float | None = (at.get("auroc") or {}).get("value")
    return found


def _rejected(at: dict[str, Any]) -> float | None:
    found: float | None = at.get("rejected")
    return found


def _pair(interval: Any) -> tuple[float, float] | None:
    low, high = interval or (None, None)
    return None if low is None or high is None else (low, high)
