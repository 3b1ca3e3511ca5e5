"""Which version may become champion: by its verdict, by going back, or by an admin's written reason."""

from __future__ import annotations

from gateway.problems import Problem
from gateway.services import Services
from nevus import audit
from nevus.domain import Caller, ModelRef
from nevus.ports import NotFound, PreconditionFailed
from nevus.registry import Channel
from nevus.verdicts import Verdict

TOLD_BARS = 10


async def admit(
    services: Services, caller: Caller, ref: ModelRef, replaced: int, overrule: str | None, *, channel: Channel
) -> None:
    """Let a version answer people's photos, as champion or canary, or not; a challenger answers none.

    `replaced` is the generation of the channel's pointer that is to be moved. The first champion, the present one and
    those that led to it need no verdict. An overruling is on the audit log before anything moves.
    Raises Problem `verdict-missing` or `verdict-failed`, PreconditionFailed, RegistryError.
    """
    if channel is Channel.CHALLENGER:
        return
    try:
        pointer, generation = await services.registry.pointer(Channel.CHAMPION)
    except NotFound:
        return
    if channel is Channel.CHAMPION and generation != replaced:
        raise PreconditionFailed("the champion has moved")
    if channel is Channel.CANARY and ref == pointer.ref:
        raise Problem("invalid-request", "This version is the champion.")
    if ref == pointer.ref or pointer.led_by(ref):
        return
    verdict = await services.registry.verdict(pointer.ref, ref)
    if verdict and verdict.passed:
        return
    if overrule is None:
        raise refusal(pointer.ref, ref, verdict)
    detail = f"{overrule} [{'no verdict' if verdict is None else 'failed: ' + names(verdict)}]"
    subject = f"{channel.value} -> {ref.version}"
    await services.records.audit(audit.by(caller, "overrule", subject, detail))


def refusal(champion: ModelRef, ref: ModelRef, verdict: Verdict | None) -> Problem:
    """Says what is missing, or which bars were not met."""
    if verdict is None:
        told = f"{ref.version} has not been checked against the champion {champion.version}: run promote --check."
        return Problem("verdict-missing", told, extra={"champion": champion.version})
    extra = {"champion": champion.version, "failed": [bar.name for bar in verdict.failed]}
    return Problem("verdict-failed", f"{ref.version} does not meet: {names(verdict)}.", extra=extra)


def names(verdict: Verdict) -> str:
    """The bars that were not met, the first of them by name."""
    failed = [bar.name for bar in verdict.failed]
    more = f", and {len(failed) - TOLD_BARS} more" if len(failed) > TOLD_BARS else ""
    return ", ".join(failed[:TOLD_BARS]) + more
