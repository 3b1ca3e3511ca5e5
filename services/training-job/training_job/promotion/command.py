"""`promote`, `rollback`, and the check that every training run ends with."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from nevus.domain import ModelRef
from nevus.ports import PortError
from nevus.registry import Channel, Registry, RegistryError
from nevus.verdicts import Verdict
from training_job.data import Row, paths, read_manifest, split_by_group
from training_job.fetch import fetch
from training_job.promotion.check import Guard, Pair, PromotionError, champion_of, guard_rows, judge, load, promote
from training_job.promotion.measuring import Measure, measure
from training_job.promotion.policy import Policy, read_policy
from training_job.settings import Settings

logger = logging.getLogger("training_job.promotion")
FEW = 12  # bars told in the log of a run
Recorded = Callable[[str, str], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Promotion:
    """Checks of one registry's versions; `run` awaits what stores do, `measured` measures a version."""

    registry: Registry
    settings: Settings
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    measured: Measure = measure
    recorded: Recorded = lambda *_: nullcontext()  # around a move: its entry in the audit log

    def pair(self, model: str) -> Pair | None:
        """The champion and the version or channel that wants its place; None without a champion.

        Raises NotFound, RegistryError, PromotionError when it is the champion.
        """
        challenger: ModelRef = self.run(find(self.registry, model))
        champion = self.run(champion_of(self.registry))
        if champion is None:
            return None
        if champion[0] == challenger:
            raise PromotionError(f"{challenger.version} is the champion already")
        return Pair(champion[0], champion[1], challenger)

    def promote(self, model: str, data: str | None, *, only_check: bool) -> tuple[list[str], bool]:
        """What is to be told, and whether the version may be champion; unless only checked, it then is.

        Raises PromotionError, ManifestError, RegistryError, PortError, OSError, ValueError.
        """
        pair = self.pair(model)
        if pair is None:
            return self.first(model, only_check=only_check), True
        verdict = self.check(pair, data)
        lines = [*summary(verdict)]
        if verdict.passed and not only_check:
            self.run(self._moved(pair.challenger, lambda: promote(self.registry, pair, verdict)))
            lines.append(f"{pair.challenger.version} is the champion")
        return lines, verdict.passed

    def first(self, model: str, *, only_check: bool) -> list[str]:
        """The first champion needs no verdict; raises NotFound, RegistryError, PreconditionFailed."""
        challenger: ModelRef = self.run(find(self.registry, model))
        if only_check:
            return ["there is no champion to check against: the first one needs no verdict"]
        self.run(self.registry.load(challenger))
        self.run(self._moved(challenger, lambda: self.registry.point(Channel.CHAMPION, challenger, if_generation=0)))
        return [f"{challenger.version} is the first champion"]

    async def _moved(self, challenger: ModelRef, move: Callable[[], Awaitable[object]]) -> None:
        async with self.recorded("promote", f"champion -> {challenger.version}"):
            await move()

    def check(self, pair: Pair, data: str | None) -> Verdict:
        """The verdict on a pair: the one that stands, or else one made now on the guard set.

        Raises PromotionError, ManifestError, RegistryError, PortError, OSError, ValueError.
        """
        found: Verdict | None = self.run(self.registry.verdict(pair.champion, pair.challenger))
        if found is not None:
            return found
        policy, ref = read_policy(self.settings.promotion_policy)
        guard = Guard(self.guard(data, policy), policy, ref)
        champion, challenger = (self.run(load(self.registry, each)) for each in (pair.champion, pair.challenger))
        made = judge(champion, challenger, guard, self.measured)
        verdict: Verdict = self.run(self.registry.record_verdict(made))
        return verdict

    def guard(self, data: str | None, policy: Policy) -> list[Row]:
        """The guard set, its photos on this machine; raises PromotionError, ManifestError, PortError."""
        address = policy.data.manifest or data or self.settings.training_data
        if not address:
            raise PromotionError("there is no guard data: name it by --data, TRAINING_DATA or in the policy")
        rows = guard_rows(split_by_group(read_manifest(address, self.settings.cache_dir)), policy)
        fetch(paths(rows), self.settings.cache_dir)
        return rows

    def after_training(self, made: ModelRef, data: str) -> tuple[list[str], dict[str, float]]:
        """What the check of a new version says, in lines and figures; what keeps it from being checked is told too."""
        try:
            pair = self.pair(made.version)
            if pair is None or pair.challenger != made:
                return ["not checked: there is no champion to check against"], {}
            verdict = self.check(pair, data)
        except (PromotionError, RegistryError, PortError, ValueError, OSError) as error:
            logger.exception("the new version was not checked")
            told = str(error) if isinstance(error, (PromotionError, RegistryError)) else type(error).__name__
            return [f"not checked: {told}"], {}
        figures = {"promotion_passed": float(verdict.passed), "promotion_bars_failed": float(len(verdict.failed))}
        return [*summary(verdict, FEW)], figures


async def find(registry: Registry, model: str) -> ModelRef:
    """A version of the registry by its name or channel; raises NotFound, RegistryError."""
    return await (registry.resolve(Channel(model)) if model in list(Channel) else registry.by_version(model))


def summary(verdict: Verdict, most: int | None = None) -> Iterator[str]:
    """One line on the whole, then one for each bar that was not met."""
    failed = verdict.failed
    of = f"{verdict.challenger.version} against the champion {verdict.champion.version}"
    met = f"all {len(verdict.bars)} bars" if verdict.passed else f"{len(failed)} of {len(verdict.bars)} bars not"
    yield f"{of}: {met} met (policy {verdict.policy.version})"
    for bar in failed[:most]:
        ends = "" if bar.interval is None else f" ({bar.interval[0]} to {bar.interval[1]})"
        yield f"not met: {bar.name}: {bar.value}{ends}; {bar.limit}"
