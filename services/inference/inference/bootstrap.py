"""The one place where real adapters are chosen from settings."""

from __future__ import annotations

import asyncio
import logging

from inference.desk import Desk
from inference.metrics import READY
from inference.model import ModelHolder
from inference.refresh import Follower
from inference.refusals import NotReady
from inference.service import Service
from inference.settings import Settings
from nevus.adapters.stores import model_store
from nevus.ports import PortError
from nevus.registry import Registry, RegistryError

logger = logging.getLogger("inference")


def build(settings: Settings) -> Service:
    """The service, with no model loaded yet."""
    holder = ModelHolder()
    READY.set_function(lambda: is_ready(holder))
    follower = Follower(
        Registry(model_store(settings)),
        settings.model_channel,
        holder,
        workers=settings.workers,
        interval=settings.refresh_seconds,
    )
    return Service(settings, holder, Desk(settings.workers, settings.queue), follower)


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
