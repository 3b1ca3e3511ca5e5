"""Several seeds' answers to the same photos as one figure with its spread and interval."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from training_job.metrics import RESAMPLES, Answers, interval, rounded
from training_job.outcomes import STATISTICS
from training_job.paired import bootstrap


def pooled(seeds: Sequence[Answers], resamples: int = RESAMPLES) -> dict[str, Any]:
    """Mean over the seeds, their standard deviation, and a 95 % interval over redrawn lesions and redrawn seeds."""
    drawn = bootstrap(seeds, STATISTICS, resamples, redraw_seeds=True)
    found: dict[str, Any] = {"n": len(seeds[0]), "malignant": int(seeds[0].labels.sum()), "seeds": len(seeds)}
    for name, statistic in STATISTICS.items():
        values = [statistic(each) for each in seeds]
        found[name] = {
            "value": rounded(drawn[name].value),
            "interval": interval(list(drawn[name].draws)),
            "spread": rounded(statistics.stdev(values)) if len(values) > 1 else None,
        }
    return found
