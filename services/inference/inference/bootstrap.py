"""The one place where real adapters are chosen from settings."""

from __future__ import annotations

import asyncio
import logging

from inference.canary import Canary
from inference.desk import Desk
from inference.metrics import READY, WAITING
from inference.model import ModelHolder
from inference.refresh import Follower
from inference.refusals import NotReady
from inference.service import Service
from inference.settings import Settings
from nevus.adapters.stores import model_store
from nevus.ports import PortError
from nevus.registry import Registry, RegistryError
from nevus.signatures import trust_of

logger = logging.getLogger("inference")


def build(settings: Settings) -> Service:
    """The service, with no model loaded yet."""
    registry, holder = Registry(model_store(settings), trust=trust_of(settings.model_public_keys)), ModelHolder()
    desk, other = (Desk(settings.workers, settings.queue) for _ in range(2))
    WAITING.set_function(lambda: desk.waiting + other.waiting)
    READY.set_function(lambda: is_ready(holder))
    follower = Follower(
        registry,
        settings.model_channel,
        holder,
        workers=settings.workers,
        interval=settings.refresh_seconds,
    )
    canary = Canary(registry, holder, other, workers=settings.workers, interval=settings.refresh_seconds)
    return Service(settings, holder, desk, follower, canary)


def is_ready(holder: ModelHolder) -> bool:
    """Whether new work is taken."""
    try:
        return bool(holder.current)
    except NotReady:
        return False


async def load_until_ready(service: Service) -> None:
    """Load the channel's version; one that fails is told in the log and tried again, for it may be mended."""
    while True:
        try:
            ref = await service.follower.load()
        except (RegistryError, PortError, OSError, ValueError) as error:
            logger.error("not ready: %s: %s", type(error).__name__, error)
            await asyncio.sleep(service.settings.reload_seconds)
        else:
            logger.info("ready", extra={"model": ref.name, "version": ref.version, "sha256": ref.sha256})
            return
