"""Prometheus metrics: counts and times only, nothing of a person. docs/api.md has a line for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from gateway.minutes import SECONDS, Minutes
from nevus import clock
from nevus.tally import Drift

ASSESSING = frozenset(("POST", route) for route in ("/v1/predictions", "/results", "/batch"))  # what assesses a photo


class Metrics:
    """One process's metrics, in a registry of their own so that two apps can live side by side."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.started, self.minutes = clock.now(), Minutes()
        self.requests = Counter(
            "nevus_requests", "Answers by route and status", ["method", "route", "status"], registry=registry
        )
        self.latency = Histogram(
            "nevus_request_seconds", "Time to the answer", ["method", "route"], buckets=SECONDS, registry=registry
        )
        self._add_overload(registry)
        self.intake = Counter("nevus_intake", "Photos at the door by outcome", ["outcome"], registry=registry)
        self.predictions = Counter(
            "nevus_predictions", "Predictions by status and decision", ["status", "decision"], registry=registry
        )
        self.pending = Gauge("nevus_pending", "Predictions that wait for inference", registry=registry)
        self.audit_broken = Gauge(
            "nevus_audit_broken", "1 where the audit log does not hold what its anchor names", registry=registry
        )
        self.reconciled = Counter(
            "nevus_reconciled", "Pending predictions tried again, by outcome", ["outcome"], registry=registry
        )
        self.drift = Gauge(
            "nevus_drift_psi",
            "Population stability index, less its bias, of this week or the last, as of the last hour",
            ["measure", "version", "modality"],
            registry=registry,
        )
        self.canary_photos = Counter(
            "nevus_canary_photos", "Photos during a canary's trial", ["channel", "outcome"], registry=registry
        )
        self.canary_seconds = Histogram(
            "nevus_canary_seconds", "Time to a decision in it", ["channel"], buckets=SECONDS, registry=registry
        )
        self.canary_distance = Gauge(
            "nevus_canary_distance", "Between the probabilities of canary and champion", registry=registry
        )
        self.canary_ends = Counter(
            "nevus_canary_ends", "Canaries that ended by themselves", ["measure"], registry=registry
        )

    def _add_overload(self, registry: CollectorRegistry) -> None:
        """The door and the circuit breaker."""
        self.door_uploads = Gauge("nevus_door_uploads", "Uploads at the door", ["where"], registry=registry)
        self.door_bytes = Gauge("nevus_door_bytes", "Bytes of the bodies inside", registry=registry)
        self.door_crew = Gauge("nevus_door_crew", "Photos worked on at once, at most", registry=registry)
        self.door_wait = Histogram(
            "nevus_door_wait_seconds", "Wait for a place", ["outcome"], buckets=SECONDS, registry=registry
        )
        self.door_refusals = Counter("nevus_door_refusals", "Uploads told to come again", ["why"], registry=registry)
        self.breaker_open = Gauge(
            "nevus_breaker_open", "1 while inference is given a rest, and until it answers again", registry=registry
        )
        self.breaker_calls = Counter(
            "nevus_breaker_calls", "Photos before the circuit breaker, by what came of them", ["outcome"],
            registry=registry,
        )  # fmt: skip

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests.labels(method, route, status).inc()
        self.latency.labels(method, route).observe(seconds)
        self.minutes.count(status, seconds, assessed=(method, route) in ASSESSING)

    def show_drift(self, found: Iterable[Drift], recent: Collection[str]) -> None:
        """Each measure's newest figure in recent weeks; those that are told no more go."""
        self.drift.clear()
        for each in sorted(found, key=lambda drift: drift.week or ""):
            for one in each.measures if each.week in recent else ():
                if one.corrected is not None:
                    self.drift.labels(one.measure, each.version, each.modality).set(one.corrected)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
