"""The registry as callers see it: versions, their channels, and moving a channel."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gateway.admission import admit
from gateway.problems import Problem
from gateway.services import Services
from gateway.views import ChannelView, ModelDetails, ModelView
from nevus.domain import AuditEntry, Caller, ModelRef
from nevus.ports import NotFound, PreconditionFailed
from nevus.registry import MODEL_FILE, REPORT_FILE, STATISTICS_FILE, Channel, RegistryError
from nevus.verdicts import Verdict

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
) -> tuple[ChannelView, int]:
    """Point a channel at a version whose files all verify, the champion's where it is admitted; raises Problem.

    `if_match` is the generation that is replaced, quoted as in an ETag; `"0"` for a channel that points nowhere.
    `overrule` is the reason for which a verdict that is missing or failed is not to count.
    """
    if if_match is None:
        raise Problem("precondition-required", "Send If-Match with the channel's ETag.")
    ref = await find(services, version)
    replaced = int(if_match.strip('"')) if ETAG.fullmatch(if_match) else -1
    try:
        await services.registry.load(ref, (MODEL_FILE, STATISTICS_FILE))
        if channel is Channel.CHAMPION:
            await admit(services, caller, ref, replaced, overrule)
        generation = await services.promotion.point(channel, ref, if_generation=replaced)
    except RegistryError as error:
        raise Problem("model-unusable", str(error)) from error
    except (PreconditionFailed, NotFound):
        raise Problem("precondition-failed", "The channel has moved meanwhile.") from None
    subject = f"{channel.value} -> {version}"
    await services.records.audit(AuditEntry(at=datetime.now(UTC), actor=caller.id, action="promote", subject=subject))
    return (await current(services, channel))[0], generation


async def current(services: Services, channel: Channel) -> tuple[ChannelView, int]:
    """Where a channel points, and its generation; raises Problem."""
    try:
        pointer, generation = await services.registry.pointer(channel)
    except NotFound:
        raise Problem("not-found", "This channel points nowhere.") from None
    except RegistryError as error:
        raise Problem("model-unusable", str(error)) from error
    view = ChannelView(channel=channel.value, name=pointer.name, version=pointer.version, previous=pointer.previous)
    return view, generation
