"""The last step of a training run: the challenger's pointer on the version that it made."""

from __future__ import annotations

from nevus.domain import ModelRef
from nevus.ports import NotFound
from nevus.registry import Channel, Registry


async def challenger(registry: Registry) -> tuple[ModelRef | None, int]:
    """What the channel points at and its generation, 0 for none; raises RegistryError, Unavailable."""
    try:
        pointer, generation = await registry.pointer(Channel.CHALLENGER)
    except NotFound:
        return None, 0
    return ModelRef(name=pointer.name, version=pointer.version, sha256=pointer.manifest_sha256), generation


async def challenge(registry: Registry, made: ModelRef, *, if_generation: int) -> ModelRef:
    """Point the channel at it, unless it does already; raises PreconditionFailed, RegistryError, Unavailable."""
    current, _ = await challenger(registry)
    if current != made:
        await registry.point(Channel.CHALLENGER, made, if_generation=if_generation)
    return made


async def published_by(registry: Registry, run_id: str) -> ModelRef | None:
    """The version that an earlier attempt has published, now the challenger; None when there is none.

    Raises RegistryError, PortError.
    """
    made = await registry.made_by(run_id)
    if made is None:
        return None
    _, generation = await challenger(registry)
    return await challenge(registry, made, if_generation=generation)
