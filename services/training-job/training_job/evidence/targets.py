"""The table in which the makers of DERM publish what their device shows: target, current value, n, interval.

Targets: Skin Analytics, "Clinical performance over time", skin-analytics.com/platform (post-market surveillance up to
the fourth quarter of 2023): sensitivity for melanoma 95 %, squamous cell carcinoma 95 %, basal cell carcinoma 90 %.
They show all skin cancer (97 %) and benign lesions (71 % of all, 29 % of biopsied ones) without a target.
Their lesions are of patients who are suspected of skin cancer and referred: other photos are not comparable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nevus.calibration import predictive_values
from nevus.domain import Decision
from nevus.outcomes import FEWEST
from training_job.evaluate import Answered, as_answers
from training_job.evidence.figures import Interval, drawn, mean, share
from training_job.metrics import Answers

CANCERS = (
    ("melanoma", 0.95, ("mel", "melanoma")),
    ("squamous cell carcinoma", 0.95, ("scc", "squamous cell carcinoma")),
    ("basal cell carcinoma", 0.90, ("bcc", "basal cell carcinoma")),
    ("actinic keratosis and intraepithelial carcinoma", None, ("akiec",)),
)
NPV_PREVALENCE = 0.05


def measure(answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """The service's decision against the targets, on the photos that it did not reject.

    Photos with a recorded diagnosis, where there are any. A photo counts as found unless it is told `routine`.
    """
    assessed = [each for each in answered if each.decision != Decision.REJECTED]
    named = [each for each in assessed if each.row.diagnosis] or assessed
    rows = [
        _sensitivity(cancer, target, [each for each in named if _is(each, words)]) for cancer, target, words in CANCERS
    ]
    rows.append(_sensitivity("all that is malignant", None, [each for each in named if each.row.malignant]))
    return [row for row in (*rows, _specificity(named), _npv(named)) if row["n"]]


def _is(answered: Answered, words: tuple[str, ...]) -> bool:
    return bool(answered.row.malignant) and answered.row.diagnosis.casefold() in words


def _sensitivity(cancer: str, target: float | None, found: Sequence[Answered]) -> dict[str, Any]:
    answers = as_answers(found)
    return row(f"sensitivity, {cancer}", target, share(seen(answers), answers.groups), len(found))


def _specificity(found: Sequence[Answered]) -> dict[str, Any]:
    answers = as_answers([each for each in found if not each.row.malignant])
    return row("share of benign told routine", None, share(~seen(answers), answers.groups), len(answers))


def _npv(found: Sequence[Answered]) -> dict[str, Any]:
    answers = as_answers(found)
    both = bool(0 < answers.labels.sum() < len(answers))
    name = f"negative predictive value of routine at {NPV_PREVALENCE:.0%} prevalence"
    return row(name, None, drawn(answers, npv), len(answers) if both else 0)


def npv(answers: Answers) -> float:
    """Of `routine` at 5 % prevalence; NaN where it cannot be told."""
    hits = mean(seen(answers)[answers.labels == 1])
    passes = mean(~seen(answers)[answers.labels == 0])
    return math.nan if math.isnan(hits + passes) else predictive_values(hits, passes, NPV_PREVALENCE)[1]


def seen(answers: Answers) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which photos are not told `routine`."""
    return np.asarray(answers.decisions != Decision.ROUTINE.value)


def row(measure: str, target: float | None, figure: Interval, n: int) -> dict[str, Any]:
    """One line; `met` stays open without a target and with too few photos."""
    value = figure["value"]
    told = target is not None and value is not None and n >= FEWEST
    return {"measure": measure, "target": target, **figure, "n": n, "met": value >= target if told else None}
