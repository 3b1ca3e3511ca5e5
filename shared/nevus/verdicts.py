"""What a check of a challenger against a champion found: every bar of the policy, and whether all were passed."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from nevus.domain import Frozen, ModelRef


class Bar(Frozen):
    """One demand of the policy: what was measured, what is asked, and whether it is met."""

    name: str
    value: float | None = Field(description="what was measured; null where there was too little to measure")
    interval: tuple[float | None, float | None] | None = Field(default=None, description="95 %")
    limit: str = Field(description="what the policy asks, in words")
    passed: bool
    detail: str = ""


class GuardData(Frozen):
    """The photos that both versions were evaluated on."""

    split: str
    photos: int
    fingerprint: str = Field(description="of the photos' names, bytes and labels")


class PolicyRef(Frozen):
    """The policy that was applied; `sha256` is of its file."""

    version: str
    sha256: str


class Verdict(Frozen):
    """The outcome for exactly these two versions, by the hashes of their manifests. It is never changed."""

    format: int = 1
    champion: ModelRef
    challenger: ModelRef
    passed: bool
    bars: tuple[Bar, ...] = Field(min_length=1)
    policy: PolicyRef
    data: GuardData
    machine: str
    created_at: datetime

    @model_validator(mode="after")
    def _is_what_its_bars_say(self) -> Self:
        if self.passed != all(bar.passed for bar in self.bars):
            raise ValueError("a verdict passes when each of its bars does, and only then")
        return self

    @property
    def failed(self) -> tuple[Bar, ...]:
        """The bars that were not met."""
        return tuple(bar for bar in self.bars if not bar.passed)


def verdict_key(champion: ModelRef, challenger: ModelRef) -> str:
    """Key in the registry of the one verdict on a pair."""
    return f"verdicts/{champion.sha256}-{challenger.sha256}.json"
