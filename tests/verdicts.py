"""Verdicts as a check would write them."""

from __future__ import annotations

from datetime import UTC, datetime

from nevus.domain import ModelRef
from nevus.verdicts import Bar, GuardData, PolicyRef, Verdict

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def verdict(champion: ModelRef, challenger: ModelRef, *, passed: bool = True) -> Verdict:
    """On a pair, with one bar that is always met and one that is as `passed` says."""
    met = Bar(name="auroc, all photos", value=0.0, interval=(-0.01, 0.01), limit="not below -0.02", passed=True)
    asked = Bar(name="sensitivity, sex female", value=-0.1, interval=(-0.2, 0.0), limit="x", passed=passed)
    return Verdict(
        champion=champion,
        challenger=challenger,
        passed=passed,
        bars=(met, asked),
        policy=PolicyRef(version="1", sha256="a" * 64),
        data=GuardData(split="test", photos=40, fingerprint="b" * 64),
        machine="a processor (x86_64, 2 cores)",
        created_at=NOW,
    )
