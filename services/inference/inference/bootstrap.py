"""The one place where real adapters are chosen from settings."""

from __future__ import annotations

import asyncio
import logging

from inference.desk import Desk
from inference.metrics import READY
from inference.model import ModelHolder, load
from inference.refusals import NotReady
from inference.service import Service
from inference.settings import Settings
from nevus.adapters.files import FileStore
from nevus.ports import PortError
from nevus.registry import Registry, RegistryError

logger = logging.getLogger("inference")


def build(settings: Settings) -> Service:
    """The service, with no model loaded yet."""
    holder = ModelHolder()
    READY.set_function(lambda: is_ready(holder))
    return Service(settings, holder, Desk(settings.workers, settings.queue))


def is_ready(holder: ModelHolder) -> bool:
    """Whether new work is taken."""
    try:
        return bool(holder.current)
    except NotReady:
        return False


async def load_until_ready(service: Service) -> None:
    """Load the channel's version; one that fails is told in the log and tried again, for it may be mended."""
    settings = service.settings
    while True:
        try:
            registry = Registry(FileStore(settings.registry_dir))
            loaded = await load(registry, settings.model_channel, settings.workers)
        except (RegistryError, PortError, OSError, ValueError) as error:
            logger.error("not ready: %s: %s", type(error).__name__, error)
            await asyncio.sleep(settings.reload_seconds)
        else:
            service.holder.put(loaded)
            ref = loaded.version.ref
            logger.info("ready", extra={"model": ref.name, "version": ref.version, "sha256": ref.sha256})
            return
