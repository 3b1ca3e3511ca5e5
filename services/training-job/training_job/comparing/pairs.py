"""Pair by pair: DeLong, paired bootstrap and McNemar between models that answered the same photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from nevus.outcomes import FEWEST
from training_job.metrics import RESAMPLES, Answers
from training_job.outcomes import STATISTICS, decided_right, right
from training_job.paired import bootstrap, delong, holm, mcnemar, refuse_other_photos

Seeds = Sequence[Answers]
P_VALUES = (*STATISTICS, "delong", "mcnemar_accuracy", "mcnemar_decisions")


def compared(models: Mapping[str, Seeds], resamples: int = RESAMPLES) -> list[dict[str, Any]]:
    """Every pair of models on the same photos, each model being the mean over its seeds.

    Of each pair the differences with intervals and p-values, and `holm`: the p-values adjusted for the number of
    pairs. McNemar's test is of the first seeds. Empty with too few photos of either class; raises ValueError for
    models that answered other photos.
    """
    every = list(models.values())
    for other in every:
        for each in other:
            refuse_other_photos(every[0][0], each)
    positives = int(every[0][0].labels.sum())
    if min(positives, len(every[0][0]) - positives) < FEWEST:
        return []
    drawn = {name: bootstrap(seeds, STATISTICS, resamples) for name, seeds in models.items()}
    found = [one(a, b, models, drawn) for a, b in combinations(models, 2)]
    adjust(found)
    return found


def one(a: str, b: str, models: Mapping[str, Seeds], drawn: Mapping[str, Any]) -> dict[str, Any]:
    """`a` minus `b`."""
    ours, theirs = models[a], models[b]
    labels = ours[0].labels
    test = delong(labels, *(np.stack([each.probabilities for each in seeds]) for seeds in (ours, theirs)))
    report: dict[str, Any] = {"a": a, "b": b, "n": len(labels)}
    report |= {name: drawn[a][name].minus(drawn[b][name]).told() for name in STATISTICS}
    report["delong"] = {name: _finite(value) for name, value in test._asdict().items()}
    for name, told in (("accuracy", right), ("decisions", decided_right)):
        report[f"mcnemar_{name}"] = mcnemar(told(ours[0]), told(theirs[0]))._asdict()
    return report


def adjust(found: Sequence[dict[str, Any]]) -> None:
    """Add Holm's p-values of each test over the pairs."""
    for pair in found:
        pair["holm"] = {}
    for name in P_VALUES:
        p = [np.nan if pair[name]["p"] is None else pair[name]["p"] for pair in found]
        for pair, adjusted in zip(found, holm(p), strict=True):
            pair["holm"][name] = _finite(adjusted)


def _finite(value: float) -> float | None:
    """Six decimals; None for what is no number or endless, which JSON does not know."""
    return round(value, 6) if np.isfinite(value) else None
