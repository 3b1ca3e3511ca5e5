"""The registry as an admin's page shows it: every version, even one that cannot be read, and where channels stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway import channels
from gateway.problems import Problem
from gateway.services import Services
from gateway.views import ChannelView, ModelView
from nevus.domain import ModelRef
from nevus.ports import NotFound
from nevus.registry import Channel, Manifest, RegistryError

NOWHERE = 0  # the generation of a channel that points nowhere


@dataclass(frozen=True)
class Shelved:
    """A version; without a manifest where it cannot be read or is not signed, which `fault` tells."""

    view: ModelView
    manifest: Manifest | None
    fault: str = ""


@dataclass(frozen=True)
class Standing:
    """Where a channel points, and the generation that a move has to name."""

    view: ChannelView | None
    generation: int

    @property
    def live(self) -> bool:
        """Whether it points at a version that is in use."""
        return self.view is not None and self.view.ended is None


async def shelf(services: Services) -> tuple[Shelved, ...]:
    """Every version, newest first."""
    found = [await shelved(services, view) for view in await channels.models(services)]
    return tuple(sorted(found, key=lambda each: each.view.version, reverse=True))


async def shelved(services: Services, view: ModelView) -> Shelved:
    """With its manifest, if it can be read."""
    try:
        ref = ModelRef(name=view.name, version=view.version, sha256=view.sha256)
        return Shelved(view, await services.manifests.get(ref))
    except (RegistryError, NotFound) as error:
        return Shelved(view, None, str(error))


async def standing(services: Services) -> Mapping[str, Standing]:
    """Of each channel by its name."""
    found = {}
    for channel in Channel:
        try:
            found[channel.value] = Standing(*await channels.current(services, channel))
        except Problem:
            found[channel.value] = Standing(None, NOWHERE)
    return found
