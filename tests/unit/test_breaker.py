"""The circuit before inference: when it opens, what passes meanwhile, and when it closes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import FakeClassifier, world
from tests.unit.test_predict import order

from gateway.breaker import LONGEST, Breaker, GuardedClassifier
from gateway.metrics import Metrics
from gateway.predict import predict
from gateway.reconcile import Reconciler
from nevus.domain import Measurement, ModelRef, Status
from nevus.ports import Busy, Late, Unavailable, Unprocessable

REF = ModelRef(name="m", version="1", sha256="0" * 64)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Guarded:
    """A guarded fake, and its clock."""

    clock: Clock = field(default_factory=Clock)
    inner: FakeClassifier = field(default_factory=lambda: FakeClassifier(REF))
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.breaker = Breaker(3, 1.0, self.clock)
        self.classifier = GuardedClassifier(self.inner, self.breaker, self.metrics, enough=2.5)

    async def ask(self, error: Exception | None = None, timeout: float = 5.0) -> Measurement | None:
        self.inner.error = error
        try:
            return await self.classifier.measure(b"", timeout=timeout)
        except (Unavailable, Unprocessable):
            return None


async def test_it_opens_at_three_failures_rests_and_closes_with_the_first_answer() -> None:
    guarded = Guarded()
    for _ in range(3):
        assert not guarded.breaker.is_open
        await guarded.ask(Unavailable("down"))
    asked = len(guarded.inner.calls)
    assert await guarded.ask() is None  # at once, though it would be answered by now
    assert len(guarded.inner.calls) == asked
    assert not await guarded.classifier.ready()
    guarded.clock.now += 1.3
    assert await guarded.classifier.ready()
    assert await guarded.ask() is not None
    assert not guarded.breaker.is_open
    text = guarded.metrics.text().decode()
    assert "nevus_breaker_open 0.0" in text
    assert 'nevus_breaker_calls_total{outcome="spared"} 1.0' in text


async def test_each_rest_is_twice_as_long_as_the_one_before_and_none_endless() -> None:
    guarded, rests = Guarded(), []
    for _ in range(3):
        await guarded.ask(Unavailable("down"))
    for _ in range(8):
        rests.append(guarded.breaker.left)
        guarded.clock.now += guarded.breaker.left
        await guarded.ask(Unavailable("down"))
    for nth, rest in enumerate(rests):
        assert 0.75 <= rest / min(LONGEST, 2**nth) <= 1.25


def test_one_photo_alone_tries_again() -> None:
    clock = Clock()
    breaker = Breaker(1, 1.0, clock)
    assert breaker.failed()
    clock.now = 1.5
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.told_nothing()
    assert breaker.allows()
    breaker.answered()
    assert [breaker.allows() for _ in range(3)] == [True] * 3


@pytest.mark.parametrize(
    ("error", "timeout"),
    [(Busy(), 5.0), (Late(), 1.0), (Unprocessable("no"), 5.0)],
    ids=["full", "hasty", "unreadable"],
)
async def test_what_says_nothing_of_inference_does_not_open_it(error: Exception, timeout: float) -> None:
    guarded = Guarded()
    for _ in range(20):
        await guarded.ask(error, timeout)
    assert not guarded.breaker.is_open
    for _ in range(3 if not isinstance(error, Unprocessable) else 6):
        await guarded.ask(Late())
    assert guarded.breaker.is_open


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["ask", "fail", "answer", "nothing", "wait"]), max_size=80))
def test_whatever_happens_it_can_always_close_again(events: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(3, 1.0, clock)
    acts = {"ask": breaker.allows, "fail": breaker.failed, "answer": breaker.answered, "nothing": breaker.told_nothing}
    for event in events:
        if event == "wait":
            clock.now += 1.0
        else:
            acts[event]()
        assert 0 <= breaker.left <= LONGEST * 1.25
    breaker.told_nothing()
    clock.now += LONGEST * 1.25
    assert breaker.allows()
    breaker.answered()
    assert not breaker.is_open


async def test_while_it_is_open_pending_ones_spend_no_try(tmp_path: Path, models_dir: Path) -> None:
    async with world(tmp_path, models_dir) as nevus:
        guarded = Guarded(inner=nevus.classifier)
        nevus.classifier.error = Unavailable("down")
        services = dataclasses.replace(nevus.services, classifier=guarded.classifier)
        records = [await predict(services, order(key=str(number))) for number in range(4)]
        for _ in range(5):
            await Reconciler(services).round()
        found = [await nevus.records.get(record.id) for record in records]
        assert [(each.status, each.attempts) for each in found] == [(Status.PENDING, 1)] * 4
        nevus.classifier.error = None
        guarded.clock.now += 1.3
        assert (await Reconciler(services).round()) == {Status.COMPLETE: 4}
