"""Benchmarks side by side, as one self-contained page."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from nevus.charts import Axis, Estimate, Series, bar_chart, forest, line_chart
from training_job import pages
from training_job.benchmark.quoted import ORIGINAL, REMARK
from training_job.benchmark.verdicts import Pair, Run, accuracies, times

Captioned = tuple[str, Markup]
PHASES = ("read", "start", "train", "export", "calibrate", "evaluate")
FIGURES = ("accuracy", "sensitivity", "specificity", "auroc")
SYNTHETIC = (
    "Drawn pictures: times, rates and cost can be compared between machines; accuracies say nothing about skin lesions."
)


def page(runs: Sequence[Run]) -> str:
    """Of what runs have written; raises ValueError for none, or a format of another time."""
    if not runs or any(run.get("format") != 1 for run in runs):
        raise ValueError("a report needs files that `benchmark run` has written")
    return pages.page("Training and evaluation, side by side", parts(named(runs)))


def named(runs: Sequence[Run]) -> list[tuple[str, Run]]:
    """Each with a name of its own."""
    seen: dict[str, int] = {}
    found = []
    for run in runs:
        name = str(run["platform"])
        seen[name] = seen.get(name, 0) + 1
        found.append((name if seen[name] == 1 else f"{name} ({seen[name]})", run))
    return found


def parts(runs: list[tuple[str, Run]]) -> Iterator[Markup]:
    """Of the page, in their order."""
    if any(run["workload"]["synthetic"] for _, run in runs):
        yield pages.paragraph(SYNTHETIC)
    if len({run["workload"]["identity"] for _, run in runs}) > 1:
        yield pages.paragraph("These runs did different work (see its identity): their times are not compared.")
    yield pages.section("Machines", machines(runs))
    yield pages.section("Times and cost", durations(runs), pages.side_by_side(phase_chart(runs), *curves(runs)))
    yield pages.section("Accuracy", pages.paragraph(REMARK), figures(runs), pages.side_by_side(accuracy_chart(runs)))
    yield pages.section(
        "Differences",
        pages.paragraph(
            "Accuracies by a z test of two shares, times by Welch's t test over seeds, both two-sided, with p-values "
            "adjusted for the number of pairs (Holm); noise is what reaches no 5 %."
        ),
        differences([*accuracies(runs), *times(runs)]),
    )


def machines(runs: list[tuple[str, Run]]) -> Markup:
    """What ran where."""
    head = ("", *(name for name, _ in runs))
    every = [run for _, run in runs]
    rows = [
        ("processor", *(str(run["machine"]["cpu"]) for run in every)),
        ("machine type", *(str(run["machine"]["machine_type"] or "not recorded") for run in every)),
        ("cores", *(str(run["machine"]["core_limit"] or run["machine"]["cores"]) for run in every)),
        ("memory, GiB", *(str(run["machine"]["memory_limit_gib"] or run["machine"]["memory_gib"]) for run in every)),
        ("system", *(str(run["machine"]["system"]) for run in every)),
        ("libraries", *(", ".join(f"{k} {v}" for k, v in run["libraries"].items()) for run in every)),
        ("code", *(str(run["git_commit"] or "not recorded")[:12] for run in every)),
        ("at", *(str(run["at"]) for run in every)),
        ("photos", *(", ".join(f"{k} {v}" for k, v in run["workload"]["photos"].items()) for run in every)),
        ("work", *(work(run) for run in every)),
    ]
    return pages.table("Machines", head, rows)


def work(run: Run) -> str:
    """What was trained, in short."""
    plan = run["workload"]["plan"]
    return (
        f"{run['workload']['data']}, {plan['head_steps']} + {plan['steps']} steps of {plan['batch_size']}, "
        f"{len(run['seeds'])} seeds; identity {run['workload']['identity']}"
    )


def durations(runs: list[tuple[str, Run]]) -> Markup:
    """Means over seeds, with their standard deviation; cost."""
    head = ("", *(name for name, _ in runs))
    every = [run for _, run in runs]
    rows = [(f"{phase}, s", *(of_phase(run, phase) for run in every)) for phase in PHASES]
    rows += [
        ("all, s", *(f"{run['seconds']:.1f}" for run in every)),
        ("processor time, s", *(f"{sum(p['cpu'] for p in run['phases'].values()):.1f}" for run in every)),
        ("cores used in training", *(f"{cores_used(run):.2f}" for run in every)),
        ("photos/s, training", *(rate(run, "train") for run in every)),
        ("photos/s, a step at its usual pace", *(rate(run, "train_steady") for run in every)),
        ("photos/s, evaluation", *(rate(run, "evaluate") for run in every)),
        ("peak memory, MiB", *(f"{max((s[2] for s in run['samples']), default=0):.0f}" for run in every)),
        ("cost", *(cost(run) for run in every)),
    ]
    return pages.table("Wall time; by seed where each seed has its own", head, rows)


def of_phase(run: Run, phase: str) -> str:
    """Mean and standard deviation over seeds; the whole where a phase is not of a seed."""
    seconds = [seed["phases"][phase]["wall"] for seed in run["seeds"] if phase in seed["phases"]]
    if not seconds:
        return f"{run['phases'].get(phase, {}).get('wall', 0):.1f}"
    return spread(seconds)


def spread(values: Sequence[float]) -> str:
    """Mean, and standard deviation if there are several."""
    mean = f"{statistics.mean(values):.2f}"
    return f"{mean} (sd {statistics.stdev(values):.2f})" if len(values) > 1 else mean


def cores_used(run: Run) -> float:
    """Mean number of busy cores while training."""
    spent = run["phases"]["train"]
    return float(spent["cpu"] / max(spent["wall"], 1e-9))


def rate(run: Run, what: str) -> str:
    """Photos a second."""
    values = [seed["images_per_second"][what] for seed in run["seeds"]]
    known = [value for value in values if value is not None]
    return spread(known) if known else "too few steps"


def cost(run: Run) -> str:
    """With the price and where it is from."""
    found = run["cost"]
    if found is None:
        return "no price known"
    return f"{found['usd']:.4f} USD at {found['usd_per_hour']} USD/h ({found['source']})"


def phase_chart(runs: list[tuple[str, Run]]) -> Captioned:
    """Seconds of each phase, over all seeds."""
    groups = [(phase, [Estimate("", run["phases"].get(phase, {}).get("wall")) for _, run in runs]) for phase in PHASES]
    title = "Wall time by phase"
    return title, bar_chart(title, [name for name, _ in runs], groups, Axis("seconds, all seeds", 0))


def curves(runs: list[tuple[str, Run]]) -> Iterator[Captioned]:
    """Cores in use and memory over time."""
    for column, title, label in ((1, "Use of the processor", "cores in use"), (2, "Memory", "resident MiB")):
        series = [Series(name, [(s[0], s[column]) for s in run["samples"]]) for name, run in runs]
        yield title, line_chart(title, series, Axis("seconds", 0), Axis(label, 0))


def figures(runs: list[tuple[str, Run]]) -> Markup:
    """Pooled over seeds, the quoted ones below."""
    rows = [(name, str(run["pooled"]["n"]), *(pooled(run, figure) for figure in FIGURES)) for name, run in runs]
    rows += [(each.name, str(each.n), f"{each.accuracy:.3f}", "-", "-", "-") for each in ORIGINAL]
    head = ("run", "test photos", *FIGURES)
    title = "Mean over seeds (95 % interval over photos and seeds; standard deviation over seeds)"
    return pages.table(title, head, rows, quoted=range(len(runs), len(rows)))


def pooled(run: Run, figure: str) -> str:
    """A figure with its interval and spread."""
    found = run["pooled"][figure]
    low, high = found["interval"]
    if found["value"] is None or low is None:
        return "-"
    told = f"{found['value']:.3f} ({low:.3f} to {high:.3f}"
    return told + (")" if found["spread"] is None else f"; sd {found['spread']:.3f})")


def accuracy_chart(runs: list[tuple[str, Run]]) -> Captioned:
    """With intervals where they are known."""
    measured = [(name, run["pooled"]["accuracy"]) for name, run in runs]
    rows = [Estimate(name, found["value"], tuple(found["interval"])) for name, found in measured]
    rows += [Estimate(each.name, each.accuracy, note="quoted") for each in ORIGINAL]
    title = "Accuracy at the operating point"
    return title, forest(title, rows, Axis("accuracy"))


def differences(pairs: Sequence[Pair]) -> Markup:
    """Every pair that can be compared."""
    rows = [
        (
            f"{pair.a} against {pair.b}",
            pair.measure,
            f"{pair.verdict.difference:+.3f}",
            f"{pair.verdict.statistic:.2f}",
            f"{pair.verdict.p:.3g}",
            f"{pair.adjusted:.3g}",
            pair.told,
        )
        for pair in pairs
    ]
    head = ("pair", "of", "difference", "z or t", "p", "p, adjusted", "is")
    return pages.table("Pairs of runs that can be compared", head, rows)
