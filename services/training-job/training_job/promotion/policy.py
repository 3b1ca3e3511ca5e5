"""The promotion policy: data, protocol and bars, from `promotion-policy.yaml`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from nevus.configuration import refusal
from nevus.domain import Frozen
from nevus.registry import sha256
from nevus.verdicts import PolicyRef

SHIPPED = Path(__file__).parents[1] / "promotion-policy.yaml"
Group = Literal["source", "modality", "age_band", "sex", "site", "fitzpatrick", "diagnosis"]


class Data(Frozen):
    """The guard set: photos that no version may have learned from."""

    manifest: str
    split: str = Field(min_length=1)
    uncalibrated: tuple[str, ...]


class Protocol(Frozen):
    """How it is measured."""

    resamples: int = Field(ge=200, le=10_000)
    seed: int
    fewest: int = Field(ge=1)
    fewest_calibrated: int = Field(ge=1)
    groups: tuple[Group, ...]
    altered_photos: int = Field(ge=2)
    timed_photos: int = Field(ge=5)


class Margin(Frozen):
    """How far the lower end of a difference may be below zero; groups are not asked where `allowance` is null."""

    overall: float = Field(ge=0)
    allowance: float | None = Field(ge=0)

    def of_group(self, n: int) -> float:
        """Of a group with n photos of the class that decides; raises TypeError where groups are not asked."""
        if self.allowance is None:
            raise TypeError("this margin is not for groups")
        return self.overall + self.allowance / math.sqrt(n)


class Limit(Frozen):
    """An absolute limit, and by how much a challenger may be worse than a champion that is beyond it itself."""

    limit: float
    slack: float = Field(ge=0)


class Differences(Frozen):
    """Margins of challenger minus champion."""

    auroc: Margin
    sensitivity: Margin
    specificity: Margin
    seen: Margin
    routine: Margin


class CalibrationBars(Frozen):
    """Of the sources that versions are calibrated on."""

    ece: Limit
    slope: Limit = Field(description="of the slope's absolute logarithm")
    intercept: Limit = Field(description="of its absolute value")


class Marks(Frozen):
    """What a mark drawn over a photo may cost."""

    sensitivity_drop: Limit
    specificity_drop: Limit


class Bars(Frozen):
    """What must be met."""

    differences: Differences
    calibration: CalibrationBars
    ood_auroc: Limit
    marks: Marks
    masked_auroc: Limit
    size_bytes: int = Field(gt=0)
    milliseconds: Limit
    alike_share: float = Field(ge=0, le=1)


class Policy(Frozen):
    """The whole file; a key that is not known here is refused."""

    version: str = Field(min_length=1, max_length=40)
    data: Data
    protocol: Protocol
    bars: Bars


def read_policy(file: Path | None = None) -> tuple[Policy, PolicyRef]:
    """The policy, the shipped one unless another is named, and its reference; raises ValueError, OSError."""
    path = file or SHIPPED
    data = path.read_bytes()
    try:
        found = Policy.model_validate(yaml.safe_load(data))
    except ValidationError as error:
        raise ValueError(f"{path.name}: {refusal(error)}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name} is not YAML") from error
    return found, PolicyRef(version=found.version, sha256=sha256(data))
