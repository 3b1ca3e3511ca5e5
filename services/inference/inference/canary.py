"""The version of the channel `canary`, beside the one that is served: loaded when a request first names it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from inference.desk import Desk
from inference.metrics import CANARIES
from inference.model import LoadedVersion, ModelHolder, load
from inference.refusals import Loading, UnknownModel, Unusable
from nevus.domain import ModelRef
from nevus.ports import NotFound, Unavailable
from nevus.registry import Channel, Registry

logger = logging.getLogger("inference")
PAUSE = 1.0  # seconds between looks at the channel for versions that are not at hand
PATIENCE = 0.25  # seconds that a request waits for such a look


class Canary:
    """At most one version, with a desk of its own: a bad one takes neither places nor threads of the other's requests.

    It is verified and warmed up as every version is, while whoever asks for it is refused at once. One that fails is
    told in the log and the metrics and tried again `interval` seconds later; one that the channel has left, or that has
    become what is served anyway, is let go of as late, with the requests that come.
    """

    def __init__(self, registry: Registry, holder: ModelHolder, desk: Desk, *, workers: int, interval: float) -> None:
        self._registry, self._holder, self.desk = registry, holder, desk
        self._workers, self._interval = workers, interval
        self._loaded: LoadedVersion | None = None
        self._named: ModelRef | None = None  # by the channel at the last look, unless it is served anyway
        self._refused: tuple[ModelRef, str] | None = None
        self._looked = self._tried = float("-inf")
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def loaded(self) -> LoadedVersion | None:
        """What is at hand, if anything."""
        return self._loaded

    def tend(self) -> None:
        """To be called with every request."""
        if self._loaded is not None and time.monotonic() - self._looked >= self._interval:
            self._begin("look", self._look())

    async def find(self, name: str, version: str | None) -> LoadedVersion:
        """That version, by its name or the channel's; raises Loading, Unusable, UnknownModel."""
        if not asked_for(self._at_hand(), name, version):
            await self._look_now()
        loaded = self._loaded
        if loaded is not None and asked_for(loaded.version.ref, name, version):
            return loaded
        if self._named is None or not asked_for(self._named, name, version):
            raise UnknownModel("no such model or version is served")
        if self._refused and self._refused[0] == self._named and "load" not in self._tasks:
            raise Unusable(self._refused[1])
        raise Loading("this version is being loaded")

    def _at_hand(self) -> ModelRef | None:
        return self._loaded.version.ref if self._loaded else None

    async def _look_now(self) -> None:
        if time.monotonic() - self._looked >= PAUSE:
            self._begin("look", self._look())
        if look := self._tasks.get("look"):
            await asyncio.wait({look}, timeout=PATIENCE)

    def _begin(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Only one of a kind at a time."""
        if what in self._tasks:
            work.close()
            return
        self._tasks[what] = task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(what))

    async def _look(self) -> None:
        self._looked = time.monotonic()
        try:
            named = await self._registry.resolve(Channel.CANARY)
        except NotFound:
            named = None
        except Exception as error:  # noqa: BLE001  # an unreadable pointer, a store that is down: what is there stays
            self._tell("unavailable", error)
            return
        serving = self._holder.loaded
        self._named = None if serving and named == serving.version.ref else named
        if self._loaded and self._named is None:
            self._loaded = None
            CANARIES.labels("dropped").inc()
        if self._named and self._named != self._at_hand() and self._may_try(self._named):
            self._begin("load", self._load(self._named))

    def _may_try(self, ref: ModelRef) -> bool:
        refused_lately = time.monotonic() - self._tried < self._interval
        return not (self._refused and self._refused[0] == ref and refused_lately)

    async def _load(self, ref: ModelRef) -> None:
        self._tried = time.monotonic()
        try:
            self._loaded = await load(self._registry, ref, self._workers)
        except Unavailable as error:
            self._tell("unavailable", error)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the version that serves goes on
            self._tell("refused", error)
            self._refused = ref, f"{type(error).__name__}: {error}"
        else:
            self._refused = None
            CANARIES.labels("loaded").inc()
            logger.info("canary", extra={"model": ref.name, "version": ref.version, "sha256": ref.sha256})

    def _tell(self, outcome: str, error: Exception) -> None:
        CANARIES.labels(outcome).inc()
        logger.error("no canary: %s: %s", type(error).__name__, error)

    def close(self) -> None:
        """Drop what is under way."""
        for task in tuple(self._tasks.values()):
            task.cancel()
        self.desk.close()


def asked_for(ref: ModelRef | None, name: str, version: str | None) -> bool:
    """Whether a path names this version: by the channel, or by both its names."""
    if ref is None:
        return False
    return version in (None, ref.version) if name == Channel.CANARY else (name, version) == (ref.name, ref.version)
