"""The check of a challenger against the champion, from the registry to the verdict that stands there afterwards."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nevus.domain import ModelRef
from nevus.machine import cores
from nevus.ports import NotFound
from nevus.registry import MODEL_FILE, STATISTICS_FILE, Channel, Registry, Version
from nevus.verdicts import Bar, GuardData, PolicyRef, Verdict
from training_job import lineage
from training_job.data import Row
from training_job.promotion.bars import differences
from training_job.promotion.limits import learned_from, limits, serving
from training_job.promotion.measuring import Measure, guard_fingerprint, measure, milliseconds
from training_job.promotion.policy import Policy

CPUS = Path("/proc/cpuinfo")


class PromotionError(RuntimeError):
    """What was asked for cannot be done, in one sentence."""


@dataclass(frozen=True)
class Guard:
    """The guard set, and the policy that it is judged by."""

    rows: Sequence[Row]
    policy: Policy
    ref: PolicyRef


async def load(registry: Registry, ref: ModelRef) -> Version:
    """What a check needs of a version; raises NotFound, RegistryError."""
    files = set((await registry.manifest(ref)).files)
    wanted = (MODEL_FILE, STATISTICS_FILE, *({lineage.LINEAGE_FILE} & files))
    return await registry.load(ref, wanted)


def guard_rows(rows: Sequence[Row], policy: Policy) -> list[Row]:
    """The rows of the guard set among those of its manifest; raises PromotionError when there are none."""
    chosen = [row for row in rows if row.split == policy.data.split and not row.leak]
    if not chosen:
        raise PromotionError(f"there are no photos in the split {policy.data.split!r} to check on")
    return chosen


def judge(champion: Version, challenger: Version, guard: Guard, measured: Measure = measure) -> Verdict:
    """Measure both and hold the challenger to every bar; raises Unprocessable, RegistryError, OSError."""
    bars = tuple(judged(champion, challenger, guard, measured))
    return Verdict(
        champion=champion.ref,
        challenger=challenger.ref,
        passed=all(bar.passed for bar in bars),
        bars=bars,
        policy=guard.ref,
        data=GuardData(
            split=guard.policy.data.split, photos=len(guard.rows), fingerprint=guard_fingerprint(guard.rows)
        ),
        machine=machine(),
        created_at=datetime.now(UTC).replace(microsecond=0),
    )


def judged(champion: Version, challenger: Version, guard: Guard, measured: Measure) -> list[Bar]:
    """Every bar, in the order in which the policy states them."""
    policy, rows = guard.policy, guard.rows
    ours, theirs = (measured(version, rows, policy.protocol) for version in (challenger, champion))
    both = (challenger, champion)
    sizes = [sum(entry.size for entry in version.manifest.files.values()) for version in both]
    data = challenger.files.get(lineage.LINEAGE_FILE)
    known = lineage.read(data) if data else None
    found = lineage.shared(known, rows) if known else None
    return [
        *differences(policy, ours.answered, theirs.answered),
        *limits(policy, ours, theirs),
        *serving(policy, sizes, milliseconds(both, rows, policy.protocol.timed_photos)),
        *learned_from(policy, found, bool(known and known.complete), len(rows)),
    ]


def machine() -> str:
    """The processor and how many cores of it were had."""
    lines = CPUS.read_text(errors="replace").splitlines() if CPUS.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{named[0] if named else platform.processor() or 'unknown'} ({platform.machine()}, {cores()} cores)"


@dataclass(frozen=True)
class Pair:
    """The champion, its channel's generation, and who wants to replace it."""

    champion: ModelRef
    generation: int
    challenger: ModelRef


async def champion_of(registry: Registry) -> tuple[ModelRef, int] | None:
    """The champion and its channel's generation, if there is one; raises RegistryError."""
    try:
        pointer, generation = await registry.pointer(Channel.CHAMPION)
    except NotFound:
        return None
    return pointer.ref, generation


async def promote(registry: Registry, pair: Pair, verdict: Verdict) -> None:
    """Move the pointer; raises PromotionError unless the verdict on the pair passed, PreconditionFailed."""
    if (verdict.champion, verdict.challenger) != (pair.champion, pair.challenger) or not verdict.passed:
        raise PromotionError(f"{pair.challenger.version} does not meet every bar; the champion stays")
    await registry.point(Channel.CHAMPION, pair.challenger, if_generation=pair.generation)


async def roll_back(registry: Registry) -> ModelRef:
    """Point the champion at the version before it; raises PromotionError when none is known, NotFound."""
    pointer, generation = await registry.pointer(Channel.CHAMPION)
    if pointer.history:
        earlier = pointer.history[-1]
    elif pointer.history is None and pointer.previous:
        earlier = await registry.by_version(pointer.previous)
    else:
        raise PromotionError("there is no earlier champion to go back to")
    await registry.load(earlier)
    await registry.point(Channel.CHAMPION, earlier, if_generation=generation)
    return earlier
