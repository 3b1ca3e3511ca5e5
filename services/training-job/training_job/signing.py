"""Keys, and signatures of versions that are there already; a training signs its own."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from nevus.domain import ModelRef
from nevus.ports import ModelStore
from nevus.registry import MANIFEST_FILE, Channel, Registry, parse_manifest, version_prefix
from nevus.signatures import SIGNATURE_FILE, Signer, new_pair, signer_of
from training_job.bootstrap import store_at
from training_job.settings import read_settings


def keys() -> None:
    """Print a new pair of keys as settings: the first for the training job alone, the second for all three."""
    private, public = new_pair()
    typer.echo(f"MODEL_SIGNING_KEY={private}\nMODEL_PUBLIC_KEYS={public}")


def sign(
    model: Annotated[str, typer.Option(help="a version, or a channel")] = "champion",
    registry: Annotated[str | None, typer.Option(help="the model registry; a path or gs://bucket")] = None,
) -> None:
    """Sign a version with MODEL_SIGNING_KEY, in the place of a signature that it has, once all of its files verify."""
    settings = read_settings()
    signer = signer_of(settings.model_signing_key)
    if signer is None:
        raise ValueError("there is no key to sign with: set MODEL_SIGNING_KEY")
    ref = asyncio.run(signed(store_at(registry, settings), model, signer))
    typer.echo(f"signed {ref.name} {ref.version}, manifest {ref.sha256}")


async def signed(store: ModelStore, model: str, signer: Signer) -> ModelRef:
    """Which version it was; raises NotFound, RegistryError on a wrong hash, PortError."""
    registry = Registry(store)
    ref = await (registry.resolve(Channel(model)) if model in list(Channel) else registry.by_version(model))
    await registry.load(ref, tuple((await registry.manifest(ref)).files))
    prefix = version_prefix(ref.name, ref.version)
    body = (await store.get(prefix + MANIFEST_FILE)).data
    parse_manifest(body, ref)  # it is still the one whose files were looked at
    await store.put(prefix + SIGNATURE_FILE, signer.sign(body))
    return ref
