"""Bars with an absolute limit: met within it, or by a challenger that is no worse than a champion beyond it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nevus.verdicts import Bar
from training_job.evaluate import Answered, as_answers
from training_job.evidence.figures import Figure, drawn
from training_job.lineage import Shared
from training_job.metrics import Answers, calibration_line, ece, ece_if_perfect
from training_job.promotion.bars import fewest_of
from training_job.promotion.measuring import Measured
from training_job.promotion.policy import Limit, Policy

WORST = 99.0  # stands for infinity, which JSON does not know
ROUNDS = 200


class Pair(NamedTuple):
    """The same figure (`{"value", "interval"}`) of both versions, None where it could not be measured."""

    challenger: dict[str, Any] | None
    champion: dict[str, Any] | None


def at_most(name: str, pair: Pair, bar: Limit, detail: str = "") -> Bar:
    """A figure that is better when it is lower."""
    return judged(name, pair, bar, 1, detail)


def at_least(name: str, pair: Pair, bar: Limit, detail: str = "") -> Bar:
    """A figure that is better when it is higher."""
    return judged(name, pair, bar, -1, detail)


def judged(name: str, pair: Pair, bar: Limit, sign: int, detail: str) -> Bar:
    """`sign` is 1 where lower is better. What could not be measured is not met."""
    ours, theirs = ((figure or {}).get("value") for figure in pair)
    words = ("at most", "more") if sign > 0 else ("at least", "less")
    limit = f"{words[0]} {bar.limit:g}, or no more than {bar.slack:g} {words[1]} than a champion beyond it"
    if ours is None:
        return Bar(name=name, value=None, limit=limit, passed=False, detail=detail or "could not be measured")
    within = sign * (ours - bar.limit) <= 0
    beyond = theirs is not None and sign * (theirs - bar.limit) > 0
    no_worse = beyond and sign * (ours - theirs) <= bar.slack + 1e-9
    interval = (pair.challenger or {}).get("interval")
    told = "" if theirs is None else f"champion {theirs:g}"
    return Bar(
        name=name,
        value=ours,
        interval=interval and tuple(interval),
        limit=limit,
        passed=bool(within or no_worse),
        detail="; ".join(part for part in (detail, told) if part),
    )


def limits(policy: Policy, challenger: Measured, champion: Measured) -> Iterator[Bar]:
    """Calibration, unfamiliar pictures, marks drawn over the photos, and photos without their lesion."""
    bars = policy.bars
    yield from calibration(policy, challenger.answered, champion.answered)
    yield at_least("ood auroc, ordinary photographs", Pair(challenger.ood, champion.ood), bars.ood_auroc)
    if not challenger.marks:
        yield judged("marks", Pair(None, None), bars.marks.sensitivity_drop, 1, "too few photos to draw on")
    for kind, falls in challenger.marks.items():
        theirs = champion.marks.get(kind, {})
        for name in ("sensitivity_drop", "specificity_drop"):
            pair = Pair(falls[name], theirs.get(name))
            yield at_most(f"{name.replace('_', ' ')}, {kind}", pair, getattr(bars.marks, name))
    if challenger.masked:
        pair = Pair(challenger.masked, champion.masked)
        yield at_most("auroc without the lesion", pair, bars.masked_auroc, "the lesion painted over")


def calibration(policy: Policy, challenger: Sequence[Answered], champion: Sequence[Answered]) -> Iterator[Bar]:
    """Of all photos of sources that versions are calibrated on, and of each such source that is large enough."""
    sources = np.array([each.row.source for each in challenger])
    used = ~np.isin(sources, policy.data.uncalibrated)
    parts = {"calibrated sources": used} | {name: sources == name for name in np.unique(sources[used]).tolist()}
    ours, theirs = as_answers(challenger), as_answers(champion)
    for title, mask in parts.items():
        if fewest_of(ours.take(mask)) >= policy.protocol.fewest_calibrated:
            yield from calibrated(policy, ours.take(mask), theirs.take(mask), title)


def calibrated(policy: Policy, ours: Answers, theirs: Answers, title: str) -> Iterator[Bar]:
    """ECE, and slope and intercept of the line that corrects the probabilities."""
    slope, bias = calibration_line(ours.labels, ours.probabilities)
    asked = policy.bars.calibration
    bars: tuple[tuple[str, Figure, Limit, str], ...] = (
        ("excess ece", excess_ece, asked.ece, "beyond what perfect calibration shows at this n"),
        ("calibration slope", log_slope, asked.slope, f"|log| of a slope of {slope:.3f}"),
        ("calibration intercept", intercept, asked.intercept, f"of {bias:.3f}, without its sign"),
    )
    for name, figure, limit, detail in bars:
        pair = Pair(drawn(ours, figure, rounds=ROUNDS), drawn(theirs, figure, rounds=2))
        yield at_most(f"{name}, {title}", pair, limit, detail)


def excess_ece(answers: Answers) -> float:
    """ECE beyond what perfectly calibrated answers would show at this n."""
    return ece(answers.labels, answers.probabilities) - ece_if_perfect(answers.probabilities, rounds=20)


def log_slope(answers: Answers) -> float:
    """How far the calibration slope is from 1, up or down."""
    slope, _ = calibration_line(answers.labels, answers.probabilities)
    return min(abs(math.log(slope)), WORST) if slope > 0 else WORST if slope <= 0 else math.nan


def intercept(answers: Answers) -> float:
    """How far the calibration intercept is from 0."""
    return min(abs(calibration_line(answers.labels, answers.probabilities)[1]), WORST)


def serving(policy: Policy, sizes: Sequence[int], milliseconds: Sequence[float]) -> Iterator[Bar]:
    """What the challenger (first) and the champion weigh and take."""
    most, size = policy.bars.size_bytes, sizes[0]
    yield Bar(name="size", value=size, limit=f"at most {most} bytes in all files", passed=size <= most)
    ours, theirs = ({"value": each, "interval": None} for each in milliseconds)
    yield at_most("milliseconds a photo", Pair(ours, theirs), policy.bars.milliseconds, "one core")


def learned_from(policy: Policy, found: Shared | None, complete: bool, guard: int) -> Iterator[Bar]:
    """Nothing of the guard set was; a challenger that cannot tell has not met it."""
    if found is None or not complete:
        told = "the version does not say" if found is None else "it was trained on from a version that does not say"
        yield Bar(name="lineage", value=None, limit="what it learned from is known", passed=False, detail=told)
    if found is None:
        return
    none = "none was learned from"
    yield Bar(name="guard lesions in training", value=found.lesions, limit=none, passed=not found.lesions)
    yield Bar(name="guard photos in training", value=found.photos, limit=none, passed=not found.photos)
    share = policy.bars.alike_share
    yield Bar(
        name="guard photos alike to one in training",
        value=found.alike,
        limit=f"at most {share:g} of the guard photos",
        passed=found.alike <= share * guard,
        detail=f"of {guard}",
    )
