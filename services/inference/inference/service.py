"""What the routes work with."""

from __future__ import annotations

from dataclasses import dataclass

from inference.desk import Desk
from inference.model import LoadedVersion, ModelHolder
from inference.refresh import Follower
from inference.refusals import UnknownModel
from inference.settings import Settings


@dataclass(frozen=True)
class Service:
    """The settings, what is served, the queue before it, and what keeps it at what the channel points at."""

    settings: Settings
    holder: ModelHolder
    desk: Desk
    follower: Follower

    def model(self, name: str, version: str | None) -> LoadedVersion:
        """The model of that name, of any or a stated version; raises NotReady, UnknownModel.

        The channel's name stands for whatever model it points at.
        """
        loaded = self.holder.current
        ref = loaded.version.ref
        if name not in (ref.name, self.settings.model_channel) or version not in (None, ref.version):
            raise UnknownModel("no such model or version is served")
        return loaded
