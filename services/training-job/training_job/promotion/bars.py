"""The bars of the policy, each with its value and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nevus.domain import Decision
from nevus.verdicts import Bar
from training_job.evaluate import Answered, as_answers
from training_job.evidence.figures import auroc, mean, sensitivity, specificity
from training_job.metrics import Answers, rounded
from training_job.paired import Difference, Statistic, paired_several
from training_job.promotion.policy import Margin, Policy

Mask = NDArray[np.bool_]


def seen(answers: Answers) -> float:
    """Share of malignant photos that are not told `routine`."""
    return mean(answers.decisions[answers.labels == 1] != Decision.ROUTINE.value)


def routine(answers: Answers) -> float:
    """Share of benign photos that are told `routine`."""
    return mean(answers.decisions[answers.labels == 0] == Decision.ROUTINE.value)


STATISTICS: Mapping[str, Statistic] = {
    "auroc": auroc,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "seen": seen,
    "routine": routine,
}


def differences(policy: Policy, challenger: Sequence[Answered], champion: Sequence[Answered]) -> Iterator[Bar]:
    """Challenger minus champion on the same photos, overall and in each group with evidence."""
    ours, theirs = as_answers(challenger), as_answers(champion)
    margins = {name: getattr(policy.bars.differences, name) for name in STATISTICS}
    if fewest_of(ours) < policy.protocol.fewest:
        yield too_few(ours, policy)
        return
    yield from compared(policy, ours, theirs, "all photos", {name: m.overall for name, m in margins.items()})
    for title, mask in groups(policy, challenger):
        group = ours.take(mask)
        asked = {name: m.of_group(n) for name, m, n in asked_of(policy, group, margins)}
        if asked:
            yield from compared(policy, group, theirs.take(mask), title, asked)


def fewest_of(answers: Answers) -> int:
    """Photos of the class that has fewer."""
    malignant = int(answers.labels.sum())
    return min(malignant, len(answers) - malignant)


def too_few(answers: Answers, policy: Policy) -> Bar:
    """The guard set shows nothing of any version."""
    limit = f"{policy.protocol.fewest} malignant and as many benign photos"
    return Bar(name="evidence, all photos", value=fewest_of(answers), limit=limit, passed=False)


def groups(policy: Policy, answered: Sequence[Answered]) -> Iterator[tuple[str, Mask]]:
    """Each recorded value of the policy's columns, unless it is that of all photos."""
    for column in policy.protocol.groups:
        values = np.array([str(getattr(each.row, column)) for each in answered])
        for name in map(str, np.unique(values)):
            if name and not (values == name).all():
                yield f"{column} {name}", values == name


def asked_of(policy: Policy, group: Answers, margins: Mapping[str, Margin]) -> Iterator[tuple[str, Margin, int]]:
    """The measures that a group has evidence for, with the number of photos that decides.

    Sensitivity needs malignant photos alone.
    """
    counts = {"auroc": fewest_of(group), "sensitivity": int(group.labels.sum())}
    for name, n in counts.items():
        if n >= policy.protocol.fewest and margins[name].allowance is not None:
            yield name, margins[name], n


def compared(policy: Policy, ours: Answers, theirs: Answers, title: str, margins: Mapping[str, float]) -> Iterator[Bar]:
    """One bar a measure: the lower end of the difference's interval against its margin."""
    chosen = {name: STATISTICS[name] for name in margins}
    found = paired_several(ours, theirs, chosen, policy.protocol.resamples, policy.protocol.seed)
    for name, margin in margins.items():
        yield not_below(f"{name}, {title}", found[name], margin, len(ours))


def not_below(name: str, found: Difference, margin: float, n: int) -> Bar:
    """Met when even the lower end is not further below zero than the margin."""
    low = found.interval[0]
    return Bar(
        name=name,
        value=rounded(found.value),
        interval=(rounded(low), rounded(found.interval[1])),
        limit=f"lower end not below -{margin:.3f}",
        passed=bool(low >= -margin),
        detail=f"challenger minus champion, {n} photos",
    )
