"""Finding a version by what a person calls it."""

from __future__ import annotations

from pathlib import Path

from nevus.domain import ModelRef
from nevus.registry import (
    MANIFEST_FILE,
    Channel,
    Manifest,
    Registry,
    RegistryError,
    Version,
    parse_manifest,
    sha256,
)
from nevus.signatures import SIGNATURE_FILE, Trust


async def find_version(model: str, registry: Registry) -> Version:
    """A version by its folder, channel or name; raises NotFound, RegistryError."""
    folder = Path(model)
    if (folder / MANIFEST_FILE).is_file():
        return read_folder(folder, registry.trust)
    if model in list(Channel):
        return await registry.load(await registry.resolve(Channel(model)))
    return await registry.load(await registry.by_version(model))


def read_folder(folder: Path, trust: Trust | None = None) -> Version:
    """A version's folder outside of a registry, its files checked as they are in one; raises RegistryError, OSError."""
    data, signature = (folder / MANIFEST_FILE).read_bytes(), folder / SIGNATURE_FILE
    if trust and not (signature.is_file() and trust.holds(data, signature.read_bytes())):
        raise RegistryError(f"{folder} is not signed by any key of MODEL_PUBLIC_KEYS")
    manifest: Manifest = parse_manifest(data)
    files = {name: (folder / name).read_bytes() for name in manifest.files}
    wrong = [name for name, content in files.items() if sha256(content) != manifest.files[name].sha256]
    if wrong:
        raise RegistryError(f"{', '.join(wrong)} of {manifest.version} does not have the hash that its manifest names")
    return Version(ModelRef(name=manifest.name, version=manifest.version, sha256=sha256(data)), manifest, files)


def weights_hash(weights: str) -> str:
    """Of a weight file; the name itself where it is no file, as `imagenet`."""
    path = Path(weights)
    return sha256(path.read_bytes()) if path.is_file() else weights
