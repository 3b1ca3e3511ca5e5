"""Everything that decides the outcome of a training run, beside the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nevus.imaging import SIDE
from nevus.registry import Precision
from training_job.data import Row, fingerprint


@dataclass(frozen=True)
class Plan:
    """Sizes in photos and pixels; rates as AdamW takes them; `shares` of what is drawn, by source."""

    weights: str
    backbone: str = "mobilenet_v2"
    steps: int = 2800
    head_steps: int = 100
    batch_size: int = 32
    side: int = SIDE
    views: int = 1
    precision: Precision = "float"
    first_side: int = 160
    first_share: float = 0.6
    rate: float = 3e-4
    head_rate: float = 3e-3
    weight_decay: float = 0.02
    averaging: float = 0.998
    smoothing: float = 0.04
    diagnosis_weight: float = 0.3
    evidence_weight: float = 0.3
    look_every: int = 1000
    seed: int = 7
    shares: dict[str, float] = field(default_factory=lambda: {"ham10000": 0.47, "isic10k": 0.35, "pad_ufes_20": 0.18})

    @property
    def sides(self) -> list[int]:
        """Resolution of each step."""
        head = [self.first_side] * self.head_steps
        first = round(self.steps * self.first_share)
        return head + [self.first_side] * first + [self.side] * (self.steps - first)


def run_folder(rows: Sequence[Row], plan: Plan, runs: Path) -> Path:
    """The folder of a run, named by its plan and data, so that the same command resumes it."""
    text = json.dumps([asdict(plan), fingerprint(rows)], sort_keys=True)
    folder = runs / hashlib.sha256(text.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(asdict(plan), indent=1))
    return folder
