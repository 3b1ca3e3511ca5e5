"""Versions that are signed, and what is refused once a public key is known."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from nevus.adapters.files import FileStore
from nevus.domain import ModelRef
from nevus.registry import MANIFEST_FILE, MODEL_FILE, Channel, Registry, RegistryError, version_prefix
from nevus.signatures import SIGNATURE_FILE, Signer, new_pair, signer_of, trust_of
from training_job.finding import read_folder
from training_job.signing import signed

# RFC 8032, 7.1, test 2
SECRET = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def encoded(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def signer(private: str) -> Signer:
    found = signer_of(SecretStr(private))
    assert found
    return found


def test_a_signature_is_that_of_the_standard() -> None:
    known = signer(encoded(SECRET))
    assert known.public == bytes.fromhex(PUBLIC)
    assert known.sign(b"\x72").decode() == encoded(SIGNATURE)
    trust = trust_of(f"{new_pair()[1]}, {encoded(PUBLIC)}")
    assert trust
    assert trust.holds(b"\x72", known.sign(b"\x72"))
    wrong = (b"", b"!", b"AAAA", signer(new_pair()[0]).sign(b"\x72"))
    assert not any(trust.holds(b"\x72", each) for each in wrong)
    assert not trust.holds(b"\x73", known.sign(b"\x72"))


@pytest.mark.parametrize("setting", ["", "none", " none "])
def test_without_a_key_nothing_is_asked_for(setting: str) -> None:
    assert trust_of(setting) is None
    assert trust_of(f"{setting},{setting}") is None
    assert signer_of(SecretStr(setting)) is signer_of(None) is None


@pytest.mark.parametrize("setting", ["a", "AAAA", "none,AAAA", encoded(PUBLIC)[:-4], encoded(SIGNATURE)])
def test_a_key_that_is_none_is_refused_unsaid(setting: str) -> None:
    with pytest.raises(ValueError, match="a key is 32 bytes in base64"):
        trust_of(setting)


@pytest.fixture
def models(models_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models_dir, tmp_path / "models", ignore=shutil.ignore_patterns("*.keras")))


async def published(models: Path, version: str, by: Signer | None) -> ModelRef:
    """The champion's files again under another name."""
    store = FileStore(models)
    found = await Registry(store).load(await Registry(store).resolve(Channel.CHAMPION))
    manifest = found.manifest.model_copy(
        update={"version": version, "files": {name: found.manifest.files[name] for name in found.files}}
    )
    return await Registry(store, signer=by).publish(manifest, found.files)


async def test_only_what_a_trusted_key_has_signed_is_read(models: Path) -> None:
    (private, public), other = new_pair(), new_pair()
    ours = await published(models, "ours", signer(private))
    theirs = await published(models, "theirs", signer(other[0]))
    unsigned = await published(models, "unsigned", None)
    store = FileStore(models)
    registry = Registry(store, trust=trust_of(public))
    assert (await registry.load(ours)).ref == ours
    for ref in (theirs, unsigned):
        for asked in (registry.manifest(ref), registry.load(ref), registry.file(ref, MODEL_FILE)):
            with pytest.raises(RegistryError, match="is not signed by any key of MODEL_PUBLIC_KEYS"):
                await asked
    for ref in (ours, theirs, unsigned):
        assert (await Registry(store).load(ref)).ref == ref
    assert (await Registry(store, trust=trust_of(f"{public},{other[1]}")).load(theirs)).ref == theirs


async def test_a_signature_is_of_one_version_alone(models: Path) -> None:
    private, public = new_pair()
    ours = await published(models, "ours", signer(private))
    folder = models / version_prefix(ours.name, "ours")
    renamed = Path(shutil.copytree(folder, folder.parent / "newer"))
    registry = Registry(FileStore(models), trust=trust_of(public))
    with pytest.raises(RegistryError, match="is that of mobilenet_v2 ours"):
        await registry.load(await registry.by_version("newer"))
    text = (renamed / MANIFEST_FILE).read_text().replace('"version": "ours"', '"version": "newer"')
    (renamed / MANIFEST_FILE).write_text(text)
    with pytest.raises(RegistryError, match="newer is not signed"):
        await registry.load(await registry.by_version("newer"))
    (folder / MODEL_FILE).write_bytes(b"other")
    with pytest.raises(RegistryError, match="does not have the hash"):
        await registry.load(ours)


async def test_a_version_that_is_there_is_signed_once_it_is_whole(models: Path) -> None:
    private, public = new_pair()
    ref = await published(models, "whole", None)
    broken = await published(models, "broken", None)
    folder = models / version_prefix(ref.name, "whole")
    (models / version_prefix(ref.name, "broken") / MODEL_FILE).write_bytes(b"other")
    trust = trust_of(public)
    with pytest.raises(RegistryError, match="not signed"):
        read_folder(folder, trust)
    assert await signed(FileStore(models), "whole", signer(private)) == ref
    assert read_folder(folder, trust).ref == ref
    assert (await Registry(FileStore(models), trust=trust).load(ref)).ref == ref
    assert (folder / SIGNATURE_FILE).read_bytes() == signer(private).sign((folder / MANIFEST_FILE).read_bytes())
    with pytest.raises(RegistryError, match="does not have the hash"):
        await signed(FileStore(models), broken.version, signer(private))
