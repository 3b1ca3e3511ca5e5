"""A comparison as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from nevus.charts import Axis, Estimate, bar_chart, forest
from training_job import pages
from training_job.report_words import TOO_FEW, told

FIGURES = (
    "auroc", "sensitivity", "specificity", "accuracy", "specificity_at_95_sensitivity", "specificity_at_90_sensitivity",
    "ece", "calibration_slope", "calibration_intercept", "brier", "selective_accuracy", "coverage",
    "sensitivity_of_being_seen", "share_routine_of_benign",
)  # fmt: skip
TESTED = ("auroc", "sensitivity", "specificity", "accuracy")
HOW = (
    "Differences are a minus b, with 95 % intervals by paired bootstrap over whole lesions or patients; a model that "
    "was trained with several seeds stands for their mean. DeLong's test takes every photo for independent; McNemar's "
    "is of the first seeds. p-values in brackets are adjusted for the number of pairs (Holm)."
)
SPEED = (
    "Milliseconds a photo on one core of this machine, the models taking turns; processor time is what a busy machine "
    "hardly changes. Costs are of Cloud Run job tasks of {vcpus} cores and {gib} GiB by list prices of {read}; reading "
    "photos is not in them."
)
LEFT_OUT = ("curves", "operating_points", "hard", "seconds", "n", "malignant", "benign")
Model = Mapping[str, Any]


def page(found: Mapping[str, Any]) -> str:
    """Of what `compare` has written."""
    return pages.page("Models compared", parts(found))


def parts(found: Mapping[str, Any]) -> Iterator[Markup]:
    """Of the page, in their order."""
    models = found["models"]
    yield pages.paragraph("Not a medical device. Figures are on the photos named here and hold for no others.")
    yield pages.section("Speed, size and cost", pages.paragraph(speed(found)), taken(models), latency_chart(models))
    for scope, pairs in found["pairs"].items():
        reports = [of_scope(model["report"], scope) for model in models]
        title = "All test photos" if scope == "all" else f"Source {scope}"
        yield pages.section(title, figures(models, reports), area_chart(models, reports), differences(pairs))
    yield pages.section("How differences are told", pages.paragraph(HOW), spreads(found["seeds"]))
    yield from subgroups(models)
    yield from shortcuts(models)
    yield from evidence(found)


def names(models: Sequence[Model]) -> list[str]:
    """Of each version: its model and, where it is one of several, its seed."""
    labels = [model["label"] for model in models]
    return [f"{m['label']}, seed {m['seed']}" if labels.count(m["label"]) > 1 else str(m["label"]) for m in models]


def speed(found: Mapping[str, Any]) -> str:
    """How time was taken and cost reckoned."""
    machine, listed = found["machine"], found["prices"]
    return f"{machine['cpu']}, {machine['cores']} cores. " + SPEED.format(read=listed["read"], **listed["task"])


def of_scope(report: Mapping[str, Any], scope: str) -> Mapping[str, Any]:
    """A report's figures on all photos, or on a source's."""
    found = report["overall"] if scope == "all" else report["subgroups"]["source"].get(scope, {})
    return dict(found)


def taken(models: Sequence[Model]) -> Markup:
    """Size, latency, time and cost of each version."""
    rows = [
        ("version", *(f"{m['name']} {m['version']}" for m in models)),
        ("input, px", *(str(m["side"]) for m in models)),
        ("model / version, MB", *(f"{m['model_mb']} / {m['version_mb']}" for m in models)),
    ]
    for part, title in (("invoke", "LiteRT alone"), ("measure", "whole measurement")):
        every = [m["latency"][part] for m in models]
        rows.append((f"{title}, median (p95), ms", *(f"{e['median_ms']} ({e['p95_ms']})" for e in every)))
        rows.append((f"{title}, processor time, ms", *(str(e["cpu_median_ms"]) for e in every)))
    rows += [
        ("training, s", *(recorded(m["training"].get("seconds")) for m in models)),
        ("training, USD", *(recorded(m["training_usd"]) for m in models)),
        ("evaluation with its intervals, s", *(str(m["evaluation_seconds"]) for m in models)),
        ("photos/s on all cores, by processor time", *(str(m["photos_per_second"]) for m in models)),
        ("a million photos, USD", *(str(m["usd_per_million"]) for m in models)),
    ]
    return pages.table("What each takes", ("", *names(models)), rows)


def recorded(value: object) -> str:
    """As it is, if it is."""
    return "not recorded" if value is None else str(value)


def latency_chart(models: Sequence[Model]) -> Markup:
    """Of a photo, by what a busy machine hardly changes."""
    parts = (("LiteRT alone", "invoke"), ("whole measurement", "measure"))
    groups = [(title, [Estimate("", m["latency"][part]["cpu_median_ms"]) for m in models]) for title, part in parts]
    title = "Processor time of a photo, median"
    return pages.side_by_side((title, bar_chart(title, names(models), groups, Axis("ms", 0))))


def figures(models: Sequence[Model], reports: Sequence[Mapping[str, Any]]) -> Markup:
    """All figures of all models, with their intervals."""
    counts = ("photos (malignant)", *(f"{each.get('n', 0)} ({each.get('malignant', 0)})" for each in reports))
    rows = [(name.replace("_", " "), *(told(each.get(name)) for each in reports)) for name in FIGURES]
    few = any(each.get("note") for each in reports)
    title = "Figures (95 % interval)" + (f": {TOO_FEW}" if few else "")
    return pages.table(title, ("", *names(models)), [counts, *rows])


def area_chart(models: Sequence[Model], reports: Sequence[Mapping[str, Any]]) -> Markup:
    """AUROC of each model."""
    rows = [estimate(name, each) for name, each in zip(names(models), reports, strict=True)]
    return pages.side_by_side(("AUROC", forest("AUROC", rows, Axis("AUROC"))))


def estimate(label: str, report: Mapping[str, Any]) -> Estimate:
    """Of an AUROC, unless there are too few photos."""
    found = report.get("auroc")
    if found is None or report.get("note"):
        return Estimate(label, note=TOO_FEW)
    return Estimate(label, found["value"], tuple(found["interval"]))


def differences(pairs: Sequence[Mapping[str, Any]]) -> Markup:
    """Of every pair, what was tested and found."""
    if not pairs:
        return pages.paragraph(f"Differences: {TOO_FEW}.")
    rows = [line for pair in pairs for line in lines(pair)]
    return pages.table("Differences", ("pair", "of", "a - b (95 % interval)", "test", "p (adjusted)"), rows)


def lines(pair: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """A pair's tests, one a row."""
    name, test, adjusted = f"{pair['a']} - {pair['b']}", pair["delong"], pair["holm"]
    for figure in TESTED:
        yield name, figure, told(pair[figure]), "paired bootstrap", shown(pair[figure]["p"], adjusted[figure])
    z = "endless" if test["z"] is None else f"{test['z']:.2f}"
    yield name, "auroc", told(pair["auroc"]), f"DeLong, z = {z}", shown(test["p"], adjusted["delong"])
    for what in ("accuracy", "decisions"):
        found = pair[f"mcnemar_{what}"]
        counts = f"McNemar, {found['only_a']} against {found['only_b']}"
        yield name, what, "", counts, shown(found["p"], adjusted[f"mcnemar_{what}"])


def shown(p: float | None, adjusted: float | None) -> str:
    """Both p-values."""
    return "-" if p is None or adjusted is None else f"{probability(p)} ({probability(adjusted)})"


def probability(p: float) -> str:
    """Three digits, or that it is less."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def spreads(seeds: Mapping[str, Any]) -> Markup:
    """Over the seeds of each model."""
    rows = [(label, str(each["seeds"]), *(spread(each[name]) for name in TESTED)) for label, each in seeds.items()]
    return pages.table("Mean over seeds (standard deviation)", ("model", "seeds", *TESTED), rows)


def spread(found: Mapping[str, Any]) -> str:
    """A mean, and how far the seeds are apart."""
    if found["mean"] is None:
        return "-"
    return f"{found['mean']:.4f}" + ("" if found["spread"] is None else f" ({found['spread']:.4f})")


def subgroups(models: Sequence[Model]) -> Iterator[Markup]:
    """AUROC and sensitivity by every column but the source, which has its own part."""
    for column in models[0]["report"]["subgroups"]:
        if column != "source" and models[0]["report"]["subgroups"][column]:
            yield pages.section(f"By {column.replace('_', ' ')}", subgroup(models, column))


def subgroup(models: Sequence[Model], column: str) -> Markup:
    """One row a value and figure."""
    every = [model["report"]["subgroups"].get(column, {}) for model in models]
    rows = [
        (f"{value}, {figure}", counts(every, value), *(of_group(each.get(value, {}), figure) for each in every))
        for value in sorted({value for each in every for value in each})
        for figure in ("auroc", "sensitivity")
    ]
    return pages.table("AUROC, and sensitivity at the operating point", ("", "photos", *names(models)), rows)


def counts(every: Sequence[Mapping[str, Any]], value: str) -> str:
    """Photos and the malignant among them; what is estimated from pixels may be counted differently by each model."""
    told_once = dict.fromkeys(f"{each[value]['n']} ({each[value]['malignant']})" for each in every if value in each)
    return " / ".join(told_once)


def of_group(report: Mapping[str, Any], figure: str) -> str:
    """With too few photos no figure is told."""
    return TOO_FEW if report.get("note") else told(report.get(figure))


def shortcuts(models: Sequence[Model]) -> Iterator[Markup]:
    """What can be told without the lesion, where that was asked."""
    masked = [model["report"].get("masked_lesion") for model in models]
    if not all(masked):
        return
    rows = [(name.replace("_", " "), *(told(each[name]) for each in masked if each)) for name in masked[0] or {}]
    yield pages.section("With the lesion painted over", pages.table("Masked", ("", *names(models)), rows))


def evidence(found: Mapping[str, Any]) -> Iterator[Markup]:
    """The parts of the evidence that are single figures, where any model has them."""
    models = found["models"]
    every = [flat(model["evidence"]) for model in models]
    rows = [
        (name, *(told(each.get(name)) for each in every)) for name in dict.fromkeys(n for each in every for n in each)
    ]
    if rows:
        table = pages.table("Value (95 % interval)", ("", *names(models)), rows)
        yield pages.section("Evidence", pages.paragraph(f"Gathered {found['evidence']}."), table)


def flat(found: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Every figure of the evidence by its name, what is a list or a curve left out but for the targets."""
    figures = {each["measure"]: each for each in found.get("targets", ())} if not above else {}
    for name, value in found.items():
        if name in LEFT_OUT:
            continue
        path = f"{above}, {name.replace('_', ' ')}" if above else name.replace("_", " ")
        if isinstance(value, dict) and "interval" not in value:
            figures |= flat(value, path)
        elif isinstance(value, dict | int | float):
            figures[path] = value
    return figures
