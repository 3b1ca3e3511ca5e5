"""The service at a glance: how this process does, what answers photos, and what asks for a look."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from gateway import channels, health, monitor
from gateway.languages import mark
from gateway.monitor import Alert
from gateway.problems import Problem
from gateway.services import Services
from gateway.views import ChannelView
from nevus.domain import TrainingRun
from nevus.ports import PortError
from nevus.registry import Channel

ERRORS = 0.01  # share of an hour's answers that is worth a look
FEWEST = 20  # answers under which a share says little
ENDED_HERE = mark("ended by an admin")
CONCERNS = {
    "inference": mark("Inference does not answer. Photos are kept and assessed later."),
    "resting": mark("Inference has failed several times and is given a rest."),
    "records": mark("The record store does not answer."),
    "champion": mark("There is no champion: no model answers."),
    "audit": mark("The audit log does not hold what its anchor names. Verify it."),
    "errors": mark("More than one answer in a hundred was an error in the last hour."),
    "pending": mark("Some photos wait to be assessed."),
    "drift": mark("Photos or scores have drifted."),
    "canary": mark("The canary was ended by itself."),
    "training": mark("The last training run has failed."),
}
Known = TypeVar("Known")


@dataclass(frozen=True)
class Overview:
    """What is None was not to be found out now, or is not there."""

    hour: health.Hour
    routes: tuple[health.Route, ...]
    queue: health.Queue
    ready: bool
    resting: bool
    audit_broken: bool
    counts: dict[str, int] | None
    champion: ChannelView | None
    canary: ChannelView | None
    run: TrainingRun | None
    alerts: tuple[Alert, ...]

    @property
    def pending(self) -> int:
        """Records that wait for inference."""
        return (self.counts or {}).get("status:pending", 0)

    @property
    def concerns(self) -> tuple[str, ...]:
        """Keys of CONCERNS, the worst first."""
        ended = self.canary is not None and self.canary.ended is not None and self.canary.reason != ENDED_HERE
        holds = {
            "inference": not self.ready,
            "resting": self.resting,
            "records": self.counts is None,
            "champion": self.champion is None,
            "audit": self.audit_broken,
            "errors": self.hour.answers >= FEWEST and self.hour.error_rate > ERRORS,
            "pending": self.pending > 0,
            "drift": bool(self.alerts),
            "canary": ended,
            "training": self.run is not None and self.run.state.value == "failed",
        }
        return tuple(name for name in CONCERNS if holds[name])


async def overview(services: Services) -> Overview:
    """Asks each part once; one that does not answer is told of, and keeps nothing from being shown."""
    metrics = services.metrics
    report = await known(monitor.latest(services))
    runs = await known(services.runs.page(limit=1))
    return Overview(
        hour=health.last_hour(metrics),
        routes=health.routes(metrics),
        queue=health.queue(metrics),
        ready=await services.classifier.ready(),
        resting=health.is_set(metrics, "nevus_breaker_open"),
        audit_broken=health.is_set(metrics, "nevus_audit_broken"),
        counts=await known(services.records.counts()),
        champion=await pointer(services, Channel.CHAMPION),
        canary=await pointer(services, Channel.CANARY),
        run=runs.items[0] if runs and runs.items else None,
        alerts=report.alerts if report else (),
    )


async def known(asked: Awaitable[Known]) -> Known | None:
    """The answer, or None where the part does not give one now."""
    try:
        return await asked
    except PortError:
        return None


async def pointer(services: Services, channel: Channel) -> ChannelView | None:
    """Where a channel points."""
    try:
        return (await channels.current(services, channel))[0]
    except (Problem, PortError):
        return None
