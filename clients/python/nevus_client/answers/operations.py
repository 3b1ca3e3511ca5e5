"""Answers about operations. Written by `python -m deploy.contract write` from docs/openapi.json; not by hand."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from nevus_client.answer import Answer


class Alert(Answer):
    """A measure that has drifted in this week or the one before."""

    week: str
    version: str
    modality: str
    measure: str
    psi: float | None
    """Less the bias of small numbers."""


class Level(StrEnum):
    """What a PSI means."""

    TOO_FEW = "too_few"
    STABLE = "stable"
    WATCH = "watch"
    DRIFT = "drift"


class Shift(Answer):
    """How far one measure of `n` photos is from that of the reference's."""

    measure: str
    n: int
    level: Level
    psi: float | None = None
    """Population stability index, as computed."""
    corrected: float | None = None
    """Less the bias of small numbers: held against thresholds."""
    chance: float | None = None
    """PSI that is exceeded without any drift once in a hundred."""
    ks: float | None = None
    """Largest distance of the distribution functions, 0..1."""


class Drift(Answer):
    """How far one version's photos of one kind are from its reference, in a week or over all weeks shown."""

    week: str | None
    """ISO week in UTC; null for all that are shown."""
    version: str
    modality: str
    n: int
    decisions: dict[str, int]
    reference: bool
    """False: the version was made without one, and nothing is told."""
    level: Level
    """The worst of its measures."""
    measures: tuple[Shift, ...]


class Share(Answer):
    """A proportion of `n` cases; `value` is null where they are too few to say."""

    n: int
    value: float | None = None
    interval: tuple[float, float] | None = None
    """95 %, by Wilson; null without any case."""


class Outcome(Answer):
    """Decisions against confirmed diagnoses; `refer` and `indeterminate` count as positive, `rejected` as no.

    answer.
    """

    version: str
    week: str | None = None
    """ISO week of the photo; null for all."""
    confirmed: int
    malignant: int
    unanswered: int
    """Confirmed, but rejected or not assessed: in none of the shares."""
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share


class Report(Answer):
    """Drift by week and version, and what confirmed diagnoses say; worked out once an hour."""

    as_of: datetime
    counted_until: datetime | None
    """Photos up to this one are counted."""
    alerts: tuple[Alert, ...]
    drift: tuple[Drift, ...]
    outcomes: tuple[Outcome, ...]
    """Each version over all weeks, then by week."""
    outcomes_limited: bool
    """True: only the newest 5,000 diagnoses are in the table."""
    outcomes_warning: str = (
        "Only records with a confirmed diagnosis are counted, a selected sample: who is referred is confirmed"
        " more often than who is not, so that sensitivity looks higher and specificity lower than it is "
        "(verification bias)."
    )


class Stats(Answer):
    """Counts of all records; `monitoring` is null until there is something to tell."""

    records: int
    by_status: dict[str, int]
    by_decision: dict[str, int]
    monitoring: Report | None = None


class ChainedEntry(Answer):
    """An entry in its place in the log: `sequence` counts from 1, `previous` is the hash of the one before."""

    at: datetime
    actor: str
    role: str = ""
    """A `Role`, `operator` for nevus-admin, `service` for Nevus itself."""
    action: str
    subject: str
    detail: str = ""
    sequence: int
    previous: str
    hash: str


class AuditPage(Answer):
    """Newest first; `next` is the cursor of the next page, null on the last one."""

    items: tuple[ChainedEntry, ...]
    next: str | None = None


class Fault(Answer):
    """The first thing that is wrong, and the number of the entry where it is."""

    sequence: int
    what: str


class Verification(Answer):
    """How far the log was walked. `head`, where that ends, is worth keeping elsewhere for the next time."""

    whole: bool
    entries: int
    """That follow each other, from the first."""
    head: str
    """Number and hash of the last of them."""
    fault: Fault | None = None
    """The first thing that is wrong."""
