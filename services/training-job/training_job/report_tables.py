"""The tables of a report and a card, from a version's manifest alone; None stands for what was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nevus.outcomes import few
from nevus.registry import Manifest
from training_job.report_words import TOO_FEW, duration, own_measure, percent, plain, rate, spaced, told

FIGURES = {
    "auroc": "AUROC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "accuracy_at_half": "accuracy at a probability of 0.5",
    "specificity_at_95_sensitivity": "specificity at 95 % sensitivity",
    "specificity_at_90_sensitivity": "specificity at 90 % sensitivity",
    "ece": "calibration error (ECE)",
    "calibration_slope": "calibration slope (perfect: 1)",
    "calibration_intercept": "calibration intercept (perfect: 0)",
    "brier": "Brier score",
    "selective_accuracy": "accuracy where it decides",
    "coverage": "share of photos where it decides",
    "sensitivity_of_being_seen": "malignant photos not told “routine”",
    "share_routine_of_benign": "benign photos told “routine”",
}
SPLITS = ("train", "val", "test", "held")
SEVERITIES = ("1", "2", "3")
PREVALENCES = ("0.01", "0.05", "0.20")
MOST_HARD = 40
Rows = Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Table:
    """A caption, a head and rows of text; `facts` are two columns of name and value."""

    title: str
    head: tuple[str, ...]
    rows: Rows
    facts: bool = False


def table(title: str, head: tuple[str, ...], rows: Rows) -> Table | None:
    """None without rows."""
    return Table(title, head, rows) if rows else None


def facts(title: str, found: dict[str, Any] | None) -> Table | None:
    """Name and value."""
    rows = [(spaced(name), _fact(name, value)) for name, value in (found or {}).items()]
    return Table(title, ("what", "value"), rows, facts=True) if rows else None


def _fact(name: str, value: Any) -> str:
    return duration(value) if name.endswith("seconds") and isinstance(value, int | float) else told(value)


def by_source(manifest: Manifest) -> Table | None:
    """Every figure, of all test photos and of each source."""
    metrics = manifest.metrics
    columns = {"all": metrics.get("overall") or {}, **(metrics.get("subgroups", {}).get("source") or {})}
    if not columns["all"]:
        return None
    rows = [(told_as, *(told(each.get(name)) for each in columns.values())) for name, told_as in FIGURES.items()]
    perfect = [rate((each.get("ece") or {}).get("if_perfect")) for each in columns.values()]
    tuned = metrics.get("accuracy_at_validation_threshold") or {}
    rows.insert(8, ("ECE that perfect probabilities would show", *perfect))
    rows.insert(
        5, ("accuracy at the source's own threshold", *(told(tuned.get(n, {}).get("accuracy")) for n in columns))
    )
    counts = [(name, *(plain(each.get(key, 0)) for each in columns.values())) for name, key in COUNTED]
    return Table("Test photos, with 95 % intervals", ("", *columns), counts + rows)


COUNTED = (("photos", "n"), ("malignant", "malignant"))


def confusion(sources: dict[str, Any]) -> Table | None:
    """What became of malignant and benign photos at one operating point."""
    rows = [
        (source, *(plain(at.get(cell)) for cell in ("tp", "fn", "fp", "tn")), told(at.get("sensitivity")),
         told(at.get("specificity")))
        for source, at in sources.items()
    ]  # fmt: skip
    head = ("source", "malignant, called so", "malignant, missed", "benign, called malignant", "benign, called so")
    return table("What it called the photos", (*head, "sensitivity", "specificity"), rows)


def predictive_values(sources: dict[str, Any]) -> Table | None:
    """PPV and NPV where 1, 5 and 20 % of the people have skin cancer."""
    names = [f"{name} at {float(p):.0%}".replace("%", " %") for name in ("PPV", "NPV") for p in PREVALENCES]
    rows = []
    for source, at in sources.items():
        values = at.get("predictive_values") or {}
        cells = [percent((values.get(p) or {}).get(name)) for name in ("ppv", "npv") for p in PREVALENCES]
        rows.append((source, *cells))
    return table("What an answer is worth", ("source", *names), rows)


def thresholds(manifest: Manifest) -> Table | None:
    """Each modality's operating points, as they showed on the validation photos."""
    rows = [
        (modality.value, p.name, f"{p.threshold:.4f}", f"{p.measured_sensitivity:.3f}", f"{p.specificity:.3f}")
        for modality, constants in manifest.modalities.items()
        for p in constants.operating_points
    ]
    head = ("modality", "operating point", "threshold", "sensitivity", "specificity")
    return table("Thresholds, chosen on the validation photos", head, rows)


def targets(found: list[dict[str, Any]]) -> Table | None:
    """What was aimed at, and what was reached."""
    rows = [
        (plain(each.get("measure")), _aim(each.get("target")), told(each), plain(each.get("n")), _result(each))
        for each in found
    ]
    return table("Target and current value", ("measure", "target", "value (95 % interval)", "n", "result"), rows)


def _aim(target: Any) -> str:
    return f"{target:g} or more" if isinstance(target, int | float) else plain(target)


def _result(row: dict[str, Any]) -> str:
    if row.get("met") is None:
        return "no target" if row.get("target") is None else TOO_FEW
    return "met" if row["met"] else "not met"


def subgroup(column: str, values: dict[str, Any]) -> Table | None:
    """One row a value; no figure is told of too few photos."""
    told_as = {"auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}
    if column == "diagnosis":
        told_as = {"": "called right"}
    rows = [
        (name, plain(f.get("n", 0)), plain(f.get("malignant", 0)), *(_enough(f, m or own_measure(f)) for m in told_as))
        for name, f in values.items()
    ]
    return table("With 95 % intervals", ("value", "photos", "malignant", *told_as.values()), rows)


def _enough(figures: dict[str, Any], measure: str) -> str:
    return TOO_FEW if few(figures, measure) else told(figures.get(measure))


def border(manifest: Manifest) -> Table | None:
    """What the border alone tells, beside the model."""
    sources = manifest.metrics.get("subgroups", {}).get("source") or {}
    rows = [
        (source, *(rate(found.get(name)) for name in ("auroc", "accuracy", "specificity_at_95_sensitivity")),
         told((sources.get(source) or {}).get("auroc")))
        for source, found in (manifest.metrics.get("border_only") or {}).items()
    ]  # fmt: skip
    head = ("source", "AUROC of the border", "accuracy of the border", "its specificity at 95 % sensitivity")
    return table("The border of the photo alone", (*head, "AUROC of this model"), rows)


def overlays(found: dict[str, Any]) -> Table | None:
    """How much is lost when a mark is drawn onto the same photos."""
    drops = ("specificity_drop", "sensitivity_drop", "auroc_drop")
    rows = [(spaced(kind), *(told(each.get(drop)) for drop in drops)) for kind, each in found.get("kinds", {}).items()]
    head = ("drawn onto the photo", "specificity lost", "sensitivity lost", "AUROC lost")
    return table(f"The same {found.get('n', 0)} photos, with and without", head, rows)


def corruptions(found: dict[str, Any]) -> Table | None:
    """One row a kind and severity."""
    measures = ("auroc", "sensitivity", "specificity")
    rows = [
        (f"{spaced(kind)}, {severity}", *(told(at.get(each)) for each in measures), percent(at.get("rejected")))
        for kind, severities in found.get("kinds", {}).items()
        for severity in SEVERITIES
        if (at := severities.get(severity))
    ]
    title = f"{found.get('n', 0)} photos; undisturbed the AUROC is {told(found.get('clean_auroc'))}"
    return table(title, ("kind, severity", "AUROC", "sensitivity", "specificity", "rejected"), rows)


def gate(found: dict[str, Any]) -> Table | None:
    """Good photos passed, unusable ones caught."""
    rows = [
        (spaced(kind), plain(each.get("n")), percent(each.get("passed")), percent(each.get("caught")))
        for kind, each in found.items()
    ]
    return table("Photos at the quality gate", ("photos", "n", "passed", "caught"), rows)


def hard(found: list[dict[str, Any]]) -> Table | None:
    """The photos on which it was most wrong, by running numbers."""
    kinds = {True: "malignant", False: "benign"}
    rows = [
        (plain(each.get("index")), plain(each.get("source")), kinds[bool(each.get("malignant"))],
         f"{each.get('probability') or 0:.3f}", plain(each.get("decision")))
        for each in found[:MOST_HARD]
    ]  # fmt: skip
    return table("Where it was most wrong", ("number", "source", "is", "probability", "decision"), rows)


def photos(manifest: Manifest) -> Table | None:
    """Photos of each source in each split."""
    sources = manifest.data.get("sources") or {}
    rows = [(source, *(plain(counts.get(split, 0)) for split in SPLITS)) for source, counts in sources.items()]
    return table("Photos of each source and split", ("source", *SPLITS), rows)


def version(manifest: Manifest) -> Table:
    """What stands at the top of a card."""
    named = {
        "name": manifest.name,
        "version": manifest.version,
        "made": f"{manifest.created_at:%d %B %Y, %H:%M} UTC",
        "input": f"{manifest.input.side} x {manifest.input.side} pixels",
        "parent": manifest.parent or "none",
        "training run": manifest.run or "none, trained by hand",
        "code": manifest.git_commit or "not recorded",
        "licence": manifest.licence,
    }
    return Table("Version", ("what", "value"), list(named.items()), facts=True)


def files(manifest: Manifest) -> Table | None:
    """The version's other files, with their hashes."""
    rows = [(name, f"{entry.size:,}", entry.sha256) for name, entry in manifest.files.items()]
    return table("Files", ("file", "bytes", "SHA-256"), rows)
