"""The registry as callers see it: versions, their channels, and moving a channel."""

from __future__ import annotations

import re

from gateway.admission import admit
from gateway.problems import Problem
from gateway.services import Services
from gateway.views import ChannelView, ModelDetails, ModelView
from nevus.audit import by, intended
from nevus.domain import Caller, ModelRef
from nevus.ports import NotFound, PreconditionFailed
from nevus.registry import MODEL_FILE, REPORT_FILE, STATISTICS_FILE, Channel, RegistryError
from nevus.verdicts import Verdict

USUAL_SHARE = 0.1
ETAG = re.compile(r'"?[0-9]{1,20}"?')


async def channels_of(services: Services) -> dict[ModelRef, tuple[str, ...]]:
    """The channels that point at each version."""
    found: dict[ModelRef, tuple[str, ...]] = {}
    for channel in Channel:
        try:
            ref = await services.registry.resolve(channel)
        except (NotFound, RegistryError):
            continue
        found[ref] = (*found.get(ref, ()), channel.value)
    return found


async def models(services: Services) -> tuple[ModelView, ...]:
    """All versions."""
    channels = await channels_of(services)
    refs = await services.registry.versions()
    return tuple(ModelView(**dict(ref), channels=channels.get(ref, ())) for ref in refs)


async def find(services: Services, version: str) -> ModelRef:
    """Raises Problem `not-found`."""
    try:
        return await services.registry.by_version(version)
    except NotFound:
        raise Problem("not-found", "There is no such model version.") from None


async def details(services: Services, version: str) -> ModelDetails:
    """A version with its manifest; raises Problem."""
    ref = await find(services, version)
    try:
        manifest = await services.manifests.get(ref)
    except RegistryError as error:
        raise Problem("model-unusable", str(error)) from error
    return ModelDetails(**dict(ref), channels=(await channels_of(services)).get(ref, ()), manifest=manifest)


async def report(services: Services, version: str) -> bytes:
    """A version's report, as HTML; raises Problem."""
    try:
        return await services.registry.file(await find(services, version), REPORT_FILE)
    except NotFound:
        raise Problem("not-found", "This version has no report.") from None
    except RegistryError as error:
        raise Problem("model-unusable", str(error)) from error


async def verdicts(services: Services, version: str) -> tuple[Verdict, ...]:
    """Those on a version as the challenger, newest first; raises Problem."""
    try:
        return await services.registry.verdicts(await find(services, version))
    except RegistryError as error:
        raise Problem("model-unusable", str(error)) from error


async def move(
    services: Services,
    caller: Caller,
    channel: Channel,
    version: str,
    if_match: str | None,
    *,
    overrule: str | None = None,
    share: float | None = None,
) -> tuple[ChannelView, int]:
    """Point a channel at a version whose files all verify, and that is admitted; raises Problem.

    `if_match` is the generation that is replaced, quoted as in an ETag; `"0"` for a channel that points nowhere.
    `share` is of the cases, of a canary alone. `overrule` is the reason for which a verdict that is missing or failed
    is not to count.
    """
    if if_match is None:
        raise Problem("precondition-required", "Send If-Match with the channel's ETag.")
    given = share_of(channel, share)
    ref = await find(services, version)
    replaced = int(if_match.strip('"')) if ETAG.fullmatch(if_match) else -1
    try:
        await services.registry.load(ref, (MODEL_FILE, STATISTICS_FILE))
        former = await replaceable(services, channel, replaced)
        await admit(services, caller, ref, replaced, overrule, channel=channel)
        detail = former + (f", share {given}" if given else "")
        async with intended(services.records, by(caller, "promote", f"{channel.value} -> {version}", detail)):
            generation = await services.promotion.point(channel, ref, if_generation=replaced, share=given)
    except RegistryError as error:
        raise Problem("model-unusable", str(error)) from error
    except (PreconditionFailed, NotFound):
        raise moved() from None
    services.canaries.look_again()
    return (await current(services, channel))[0], generation


async def end_canary(services: Services, caller: Caller, if_match: str | None) -> tuple[ChannelView, int]:
    """Have the canary answer nothing any more, whichever it is unless `if_match` says; raises Problem."""
    pointer, generation = await current(services, Channel.CANARY)
    if pointer.ended:
        raise Problem("not-found", "The canary has ended.")
    if if_match is not None and if_match.strip('"') != str(generation):
        raise moved()
    try:
        async with intended(services.records, by(caller, "canary-end", f"canary -> {pointer.version}")):
            await services.promotion.end(Channel.CANARY, "ended by an admin", if_generation=generation)
    except (PreconditionFailed, NotFound):
        raise moved() from None
    services.canaries.look_again()
    return await current(services, Channel.CANARY)


def share_of(channel: Channel, share: float | None) -> float | None:
    """A canary's, USUAL_SHARE unless another is wanted; raises Problem where another channel is to have one."""
    if channel is Channel.CANARY:
        return USUAL_SHARE if share is None else share
    if share is not None:
        raise Problem("invalid-request", "Only a canary has a share.")
    return None


def moved() -> Problem:
    """412."""
    return Problem("precondition-failed", "The channel has moved meanwhile.")


async def replaceable(services: Services, channel: Channel, generation: int) -> str:
    """What a move leaves, in words for the audit log; raises PreconditionFailed where the channel is another by now."""
    try:
        pointer, found = await services.registry.pointer(channel)
    except NotFound:
        pointer, found = None, 0
    if found != generation:
        raise PreconditionFailed(f"{channel.value} has moved")
    return f"from {pointer.version}" if pointer else "from nowhere"


async def current(services: Services, channel: Channel) -> tuple[ChannelView, int]:
    """Where a channel points, and its generation; raises Problem."""
    try:
        pointer, generation = await services.registry.pointer(channel)
    except NotFound:
        raise Problem("not-found", "This channel points nowhere.") from None
    except RegistryError as error:
        raise Problem("model-unusable", str(error)) from error
    view = ChannelView(
        channel=channel.value,
        name=pointer.name,
        version=pointer.version,
        previous=pointer.previous,
        share=pointer.share,
        since=pointer.since,
        ended=pointer.ended,
        reason=pointer.reason,
        trial=services.canaries.view(generation) if channel is Channel.CANARY else None,
    )
    return view, generation
