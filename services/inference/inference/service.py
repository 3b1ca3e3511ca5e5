"""What the routes work with."""

from __future__ import annotations

from dataclasses import dataclass

from inference.canary import Canary
from inference.desk import Desk
from inference.model import LoadedVersion, ModelHolder
from inference.refresh import Follower
from inference.refusals import UnknownModel
from inference.settings import Settings
from nevus.registry import Channel


@dataclass(frozen=True)
class Served:
    """A version, and the queue before it."""

    loaded: LoadedVersion
    desk: Desk


@dataclass(frozen=True)
class Service:
    """The settings, what is served, the queue before it, what keeps it at what the channel points at, and a canary."""

    settings: Settings
    holder: ModelHolder
    desk: Desk
    follower: Follower
    canary: Canary

    async def model(self, name: str, version: str | None) -> Served:
        """The model of that name, of any or a stated version; raises NotReady, UnknownModel, Loading, Unusable.

        A channel's name stands for whatever model it points at. The canary answers those alone who ask for it.
        """
        loaded = self.holder.current
        ref = loaded.version.ref
        if name in (ref.name, self.settings.model_channel) and version in (None, ref.version):
            return Served(loaded, self.desk)
        if name != Channel.CANARY and version is None:
            raise UnknownModel("no such model or version is served")
        return Served(await self.canary.find(name, version), self.canary.desk)
