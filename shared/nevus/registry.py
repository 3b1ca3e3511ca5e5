"""The model registry: immutable versions, channels that point at them, hashes that are checked.

`models/<name>/versions/<version>/` holds the files of a version and its manifest;
`models/channels/<channel>.json` names a version with its manifest's sha256. Keys here are relative to `models/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationError

from nevus.calibration import Calibration
from nevus.domain import Frozen, Modality, ModelRef
from nevus.pointers import Pointer, pointer_to
from nevus.ports import ModelStore, NotFound, PreconditionFailed
from nevus.quality import QualityLimits
from nevus.signatures import SIGNATURE_FILE, Signer, Trust
from nevus.verdicts import Verdict, verdict_key

MODEL_FILE = "model.tflite"
STATISTICS_FILE = "statistics.npz"
KERAS_FILE = "model.keras"
REPORT_FILE = "report.html"
CARD_FILE = "card.md"
MANIFEST_FILE = "manifest.json"
MAX_VERSION_BYTES = 25 * 1024 * 1024


class RegistryError(Exception):
    """A version that must not be served: a wrong hash or signature, a missing file, an unreadable manifest."""


class Channel(StrEnum):
    """Names that point at a version."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    CANARY = "canary"


class FileEntry(Frozen):
    """A file of a version."""

    sha256: str
    size: int = Field(description="bytes")


Precision = Literal["float", "int8"]


class InputSpec(Frozen):
    """What the served model takes: (1, side, side, 3) float32 RGB, 0..255, by `preprocessing`."""

    side: int
    views: int = Field(default=1, description="quarter turns of the photo that the model itself averages over")
    preprocessing: str = "nevus.imaging.to_input/1"


class Outputs(Frozen):
    """Names of the served model's outputs; read them by these names."""

    logit: str = "logit"
    embedding: str = "embedding"
    cam: str = "cam"
    texture: str | None = Field(default=None, description="what an unfamiliar photo is known by; else the embedding")


class IntendedUse(Frozen):
    """The photos for which there is evidence; everything else is referred."""

    min_age: int = 18
    fitzpatrick: tuple[int, ...] = Field(default=(1, 2, 3, 4), description="stated types with evidence")
    estimates: tuple[int, ...] = Field(
        default=(0, 1, 2, 3, 4, 5, 6),
        description="types that the photo may suggest where none is stated; 0: it suggests none",
    )
    min_ita: float = Field(default=-30.0, description="degrees; darker skin is referred")
    excluded_sites: tuple[str, ...] = ("genital", "oral", "mucosa", "nail", "eye")


class Manifest(Frozen):
    """Everything that is known of a version."""

    format: int = 1
    name: str = Field(pattern=r"^[a-z0-9_]+$")
    version: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    created_at: datetime
    files: dict[str, FileEntry]
    backbone: str = Field(default="mobilenet_v2", description="as `training_job train --backbone` names it")
    input: InputSpec
    precision: Precision = Field(default="float", description="in which the served model computes")
    outputs: Outputs = Outputs()
    cam_bias: float = Field(description="logit = mean of the map + this")
    modalities: dict[Modality, Calibration]
    ood_threshold: float
    quality: QualityLimits
    intended_use: IntendedUse = IntendedUse()
    metrics: dict[str, Any] = {}
    data: dict[str, Any] = {}
    licence: str
    seeds: dict[str, int] = {}
    git_commit: str | None = None
    libraries: dict[str, str] = {}
    parent: str | None = None
    run: str | None = Field(default=None, description="id of the training run that made it")


@dataclass(frozen=True)
class Version:
    """A version whose every file has been checked against its manifest."""

    ref: ModelRef
    manifest: Manifest
    files: Mapping[str, bytes]


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def version_prefix(name: str, version: str) -> str:
    """Key prefix of a version's files."""
    return f"{name}/versions/{version}/"


def channel_key(channel: Channel) -> str:
    """Key of a channel's pointer."""
    return f"channels/{channel.value}.json"


def parse_manifest(data: bytes, ref: ModelRef | None = None) -> Manifest:
    """Raises RegistryError when the bytes are not a manifest, or not the one that `ref` names."""
    if ref and sha256(data) != ref.sha256:
        raise RegistryError(f"manifest of {ref.name} {ref.version} does not have the hash that its channel names")
    try:
        found = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise RegistryError(f"unreadable manifest: {error.error_count()} errors") from error
    if ref and (found.name, found.version) != (ref.name, ref.version):
        raise RegistryError(f"the manifest of {ref.name} {ref.version} is that of {found.name} {found.version}")
    return found


class Registry:
    """Versions and channels in a `ModelStore`; with `trust` only versions that it holds, `signer` signs new ones."""

    def __init__(self, store: ModelStore, *, trust: Trust | None = None, signer: Signer | None = None) -> None:
        self._store, self.trust, self._signer = store, trust, signer

    async def pointer(self, channel: Channel) -> tuple[Pointer, int]:
        """A channel's pointer and its generation; raises NotFound, RegistryError."""
        stored = await self._store.get(channel_key(channel))
        try:
            return Pointer.model_validate_json(stored.data), stored.generation
        except ValidationError as error:
            raise RegistryError(f"unreadable pointer of channel {channel.value}") from error

    async def resolve(self, channel: Channel) -> ModelRef:
        """The version that a channel points at; raises NotFound also for a canary that has ended, RegistryError."""
        pointer, _ = await self.pointer(channel)
        if pointer.ended:
            raise NotFound(f"the {channel.value} has ended")
        return pointer.ref

    async def find(self, name: str, version: str) -> ModelRef:
        """A version by its name, unverified; raises NotFound."""
        stored = await self._store.get(version_prefix(name, version) + MANIFEST_FILE)
        return ModelRef(name=name, version=version, sha256=sha256(stored.data))

    async def manifest(self, ref: ModelRef) -> Manifest:
        """Raises NotFound, RegistryError on a wrong hash or signature."""
        prefix = version_prefix(ref.name, ref.version)
        stored = await self._store.get(prefix + MANIFEST_FILE)
        if self.trust:
            with suppress(NotFound):
                signature = await self._store.get(prefix + SIGNATURE_FILE)
                if self.trust.holds(stored.data, signature.data):
                    return parse_manifest(stored.data, ref)
            raise RegistryError(f"{ref.name} {ref.version} is not signed by any key of MODEL_PUBLIC_KEYS")
        return parse_manifest(stored.data, ref)

    async def file(self, ref: ModelRef, file: str) -> bytes:
        """One verified file of a version; raises NotFound, RegistryError."""
        entry = (await self.manifest(ref)).files.get(file)
        if entry is None:
            raise NotFound(f"{ref.version} has no {file}")
        return await self._verified(ref, file, entry)

    async def load(self, ref: ModelRef, files: tuple[str, ...] = (MODEL_FILE, STATISTICS_FILE)) -> Version:
        """Read and verify the named files of a version; raises NotFound, RegistryError."""
        manifest = await self.manifest(ref)
        missing = set(files) - set(manifest.files)
        if missing:
            raise RegistryError(f"{ref.version} lacks {', '.join(sorted(missing))}")
        contents = {file: await self._verified(ref, file, manifest.files[file]) for file in files}
        return Version(ref=ref, manifest=manifest, files=contents)

    async def _verified(self, ref: ModelRef, file: str, entry: FileEntry) -> bytes:
        data = (await self._store.get(version_prefix(ref.name, ref.version) + file)).data
        if sha256(data) != entry.sha256:
            raise RegistryError(f"{file} of {ref.version} does not have the hash that its manifest names")
        return data

    async def versions(self) -> tuple[ModelRef, ...]:
        """All versions, by name and version."""
        return tuple([await self.find(*names) for names in await self._names()])

    async def by_version(self, version: str) -> ModelRef:
        """The version of this name, whatever its model's; raises NotFound."""
        for names in await self._names():
            if names[1] == version:
                return await self.find(*names)
        raise NotFound(f"version {version}")

    async def _names(self) -> list[tuple[str, str]]:
        """Of all versions: their models' and their own."""
        parts = [key.split("/") for key in await self._store.list("")]
        return [(p[0], p[2]) for p in parts if len(p) == 4 and p[1::2] == ["versions", MANIFEST_FILE]]

    async def made_by(self, run: str) -> ModelRef | None:
        """The version that a training run has made, if there is one."""
        for ref in await self.versions():
            with suppress(RegistryError):
                if (await self.manifest(ref)).run == run:
                    return ref
        return None

    async def publish(self, manifest: Manifest, files: Mapping[str, bytes]) -> ModelRef:
        """Write a new version, its manifest last; raises RegistryError when too large, PreconditionFailed when taken.

        Writing the same version with the same bytes again is no error.
        """
        body = json.dumps(manifest.model_dump(mode="json"), indent=1).encode()
        if len(body) + sum(map(len, files.values())) > MAX_VERSION_BYTES:
            raise RegistryError(f"{manifest.version} is larger than {MAX_VERSION_BYTES} bytes")
        signature = {SIGNATURE_FILE: self._signer.sign(body)} if self._signer else {}
        for file, data in {**files, **signature, MANIFEST_FILE: body}.items():
            await self._put_once(version_prefix(manifest.name, manifest.version) + file, data)
        return ModelRef(name=manifest.name, version=manifest.version, sha256=sha256(body))

    async def _put_once(self, key: str, data: bytes) -> None:
        try:
            await self._store.put(key, data, if_generation=0)
        except PreconditionFailed:
            if (await self._store.get(key)).data != data:
                raise

    async def point(self, channel: Channel, ref: ModelRef, *, if_generation: int, share: float | None = None) -> int:
        """Move a channel to a version, a canary with its share; raises PreconditionFailed when it has moved."""
        pointer = (await self.pointer(channel))[0].moved(ref) if if_generation else pointer_to(ref)
        return await self._put_pointer(channel, pointer.shared(share), if_generation)

    async def end(self, channel: Channel, reason: str, *, if_generation: int) -> int:
        """Have a channel point nowhere, and say why; raises NotFound, PreconditionFailed, RegistryError."""
        pointer, _ = await self.pointer(channel)
        return await self._put_pointer(channel, pointer.over(reason), if_generation)

    async def _put_pointer(self, channel: Channel, pointer: Pointer, if_generation: int) -> int:
        """Without what is not set."""
        data = pointer.model_dump_json(indent=1, exclude_none=True).encode()
        return await self._store.put(channel_key(channel), data, if_generation=if_generation)

    async def verdict(self, champion: ModelRef, challenger: ModelRef) -> Verdict | None:
        """The verdict on exactly this pair, if there is one; raises RegistryError."""
        with suppress(NotFound):
            found = await self._read_verdict(verdict_key(champion, challenger))
            if (found.champion, found.challenger) != (champion, challenger):
                raise RegistryError(f"the verdict on {challenger.version} is of another pair")
            return found
        return None

    async def record_verdict(self, verdict: Verdict) -> Verdict:
        """Write the verdict on a pair, once: where there is one already, that one stands and is returned."""
        key = verdict_key(verdict.champion, verdict.challenger)
        with suppress(PreconditionFailed):
            await self._store.put(key, verdict.model_dump_json(indent=1).encode(), if_generation=0)
        return await self._read_verdict(key)

    async def verdicts(self, ref: ModelRef) -> tuple[Verdict, ...]:
        """Those on a version as the challenger, newest first; raises RegistryError."""
        keys = [key for key in await self._store.list("verdicts/") if key.endswith(f"-{ref.sha256}.json")]
        found = [await self._read_verdict(key) for key in keys]
        return tuple(sorted(found, key=lambda each: each.created_at, reverse=True))

    async def _read_verdict(self, key: str) -> Verdict:
        try:
            return Verdict.model_validate_json((await self._store.get(key)).data)
        except ValidationError as error:
            raise RegistryError(f"unreadable verdict {key}") from error
