"""A canary's trial as one instance of the gateway sees it: whose photos it gets, and what came of them."""

from __future__ import annotations

import hashlib
from collections import Counter

from pydantic import Field

from gateway.judge import Answer, Bands, Departure, Judge, Stream
from nevus.domain import Frozen, ModelRef, Prediction, Status
from nevus.pointers import Pointer

PROMOTED = Departure("promoted", "it has become the champion")


class StreamView(Frozen):
    """What came of one channel's photos in a trial; times and decisions are of the judge's window."""

    answered: int
    failed: int
    error_rate: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    decisions: dict[str, int] = {}


class TrialView(Frozen):
    """A canary against the champion over the same time, as this instance of the gateway has seen it."""

    canary: StreamView
    champion: StreamView
    absent: int = Field(description="photos that found the canary not loaded")
    score_distance: float = Field(description="Kolmogorov and Smirnov's, of the probabilities")
    looks: int = Field(description="how often the two were compared")


class Trial:
    """Of one pointer: another share, or the same version again, is another trial.

    `timeout` is how long a canary may take; the champion's answers are held to the same.
    """

    def __init__(self, pointer: Pointer, generation: int, bands: Bands, timeout: float) -> None:
        self.pointer, self.generation = pointer, generation
        self.absent = 0  # photos of the canary's that it was not there for
        self.over: Departure | None = None
        self.timeout, self._judge = timeout, Judge(bands)
        self._totals: dict[bool, Counter[bool]] = {True: Counter(), False: Counter()}
        self._champion: ModelRef | None = None

    def takes(self, record: Prediction) -> bool:
        """Whether the canary answers this photo: the same for all photos of a case, and of every instance."""
        return lot(f"{self.pointer.manifest_sha256}\0{unit(record)}") < (self.pointer.share or 0)

    def see(self, record: Prediction, seconds: float, *, canary: bool, failed: bool = False) -> bool:
        """Count what came of one of its own photos; false for one that tells nothing of the model.

        `failed` says that the canary could not answer, and the champion had to.
        """
        if record.status is Status.FAILED:
            return False
        if not canary:
            self._compare_with(record.model)
        answer = None if failed else answer_of(record, seconds, self.timeout)
        self._totals[canary][answer is None] += 1
        self.over = self.over or self._judge.see(answer, case_of(record), canary=canary)
        return True

    def _compare_with(self, champion: ModelRef | None) -> None:
        """Another champion is another comparison; the canary as the champion is none."""
        if champion is None or champion == self._champion:
            return
        if champion == self.pointer.ref:
            self.over = self.over or PROMOTED
        if self._champion is not None:
            self._judge.renew()
        self._champion = champion

    @property
    def distance(self) -> float:
        """Of the probabilities' distributions, at the last look."""
        return self._judge.distance

    def view(self) -> TrialView:
        """As it stands."""
        return TrialView(
            canary=self._view(self._judge.canary, canary=True),
            champion=self._view(self._judge.champion, canary=False),
            absent=self.absent,
            score_distance=round(self.distance, 3),
            looks=self._judge.looks,
        )

    def _view(self, stream: Stream, *, canary: bool) -> StreamView:
        total = self._totals[canary]
        photos = total.total()
        return StreamView(
            answered=total[False],
            failed=total[True],
            error_rate=round(total[True] / photos, 4) if photos else None,
            median_ms=milliseconds(stream.seconds("median")),
            p95_ms=milliseconds(stream.seconds("p95")),
            decisions={decision.value: n for decision, n in stream.decisions.items()},
        )


def unit(record: Prediction) -> str:
    """What is drawn by lot: the case, which is its owner's own; a photo without one by itself."""
    return case_of(record) or f"record\0{record.id}"


def case_of(record: Prediction) -> str | None:
    """The case, if the photo is of one."""
    case = record.context.case_id
    return None if case is None else f"case\0{record.owner}\0{case}"


def lot(name: str) -> float:
    """In 0..1, evenly spread over names and always the same for one."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def answer_of(record: Prediction, seconds: float, timeout: float) -> Answer | None:
    """What the judge counts; None for a photo that was not answered, or not in time."""
    if record.result is None or seconds > timeout:
        return None
    return Answer(seconds, record.result.probability, record.result.decision)


def milliseconds(seconds: float | None) -> float | None:
    """For people to read."""
    return None if seconds is None else round(1000 * seconds, 1)
