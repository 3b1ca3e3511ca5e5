"""How a retraining run trains: a short way on from the champion, at full resolution and a low rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nevus.domain import ModelRef
from nevus.registry import Manifest, sha256
from training_job import corrections
from training_job.data import Row, diagnoses
from training_job.plan import Plan
from training_job.settings import Settings

UNCALIBRATED = ("isic10k", corrections.SOURCE)
LOOK_EVERY = 4  # checkpoints


def make_plan(settings: Settings, parent: Manifest, weights: Path, base: Sequence[Row], theirs: Sequence[Row]) -> Plan:
    """On from the parent's `weights`; `theirs`, the corrections, have their share beside the base's sources."""
    usual = Plan(weights=str(weights)).shares
    sources = {row.source for row in base if row.split == "train"}
    whole = sum(usual.get(source, 1.0) for source in sources)
    return Plan(
        weights=str(weights),
        backbone=parent.backbone,
        side=parent.input.side,
        views=parent.input.views,
        precision=parent.precision,
        steps=settings.retrain_steps,
        head_steps=0,
        batch_size=settings.retrain_batch_size,
        first_share=0.0,
        rate=settings.retrain_rate,
        look_every=LOOK_EVERY * settings.retrain_checkpoint_every,
        seed=settings.retrain_seed,
        shares={**usual, corrections.SOURCE: whole * corrections.share(theirs, base)},
    )


def identity(plan: Plan, base: Sequence[Row], parent: ModelRef) -> str:
    """Of what a checkpoint must fit; corrections may come and go between attempts."""
    facts = (plan.steps, plan.batch_size, plan.rate, plan.seed, diagnoses(base), parent.version)
    return sha256(repr(facts).encode())
