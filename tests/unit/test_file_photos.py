"""The gateway's own signed URLs: nothing of one can be changed, and every process on the folder knows it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nevus.adapters.file_photos import KEPT_AT, UPLOAD_PATH, FilePhotos
from nevus.signed_uploads import SignedUpload, UploadGrant

MINUTE = timedelta(minutes=1)
ALLOWED = UploadGrant("quarantine/one", "image/jpeg", 1000, 1_700_000_000)
GRANTS = st.builds(UploadGrant, st.text(), st.text(), st.integers(), st.integers())
CHANGED = st.one_of(
    st.text().map(lambda key: dataclasses.replace(ALLOWED, key=key)),
    st.text().map(lambda kind: dataclasses.replace(ALLOWED, content_type=kind)),
    st.integers().map(lambda size: dataclasses.replace(ALLOWED, max_bytes=size)),
    st.integers().map(lambda moment: dataclasses.replace(ALLOWED, expires=moment)),
)
SECRET_OF = """
import sys
from pathlib import Path
from nevus.adapters.file_photos import FilePhotos
print(FilePhotos(Path(sys.argv[1]))._secret.hex())
"""


def parts(signed: SignedUpload) -> tuple[UploadGrant, str]:
    said = {name: value for name, (value,) in parse_qs(urlsplit(signed.url).query).items()}
    grant = UploadGrant(said["key"], said["content_type"], int(said["max_bytes"]), int(said["expires"]))
    return grant, said["signature"]


async def sign(photos: FilePhotos, key: str = "quarantine/one") -> SignedUpload:
    return await photos.sign_upload(key, content_type="image/jpeg", max_bytes=1000, lifetime=MINUTE)


async def test_says_what_it_allows_and_verifies_it(tmp_path: Path) -> None:
    photos, before = FilePhotos(tmp_path), datetime.now(UTC)
    signed = await sign(photos)
    grant, signature = parts(signed)
    assert signed.url.startswith(UPLOAD_PATH + "?")
    assert (signed.method, dict(signed.headers)) == ("PUT", {"Content-Type": "image/jpeg"})
    assert (grant.key, grant.content_type, grant.max_bytes) == ("quarantine/one", "image/jpeg", 1000)
    assert before + MINUTE <= signed.expires_at <= datetime.now(UTC) + MINUTE + timedelta(seconds=1)
    assert grant.expires == signed.expires_at.timestamp()
    assert photos.verify(grant, signature)


async def test_a_bad_key_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key"):
        await sign(FilePhotos(tmp_path), "../one")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FilePhotos:
    return FilePhotos(tmp_path_factory.mktemp("photos"))


@given(GRANTS)
def test_another_grant_has_another_signature(store: FilePhotos, other: UploadGrant) -> None:
    assume(other != ALLOWED)
    assert not store.verify(other, store._signature(ALLOWED))
    assert store.verify(other, store._signature(other))


@given(CHANGED)
def test_a_changed_part_is_refused(store: FilePhotos, changed: UploadGrant) -> None:
    assume(changed != ALLOWED)
    assert not store.verify(changed, store._signature(ALLOWED))


@given(st.text())
def test_a_made_up_signature_is_refused(store: FilePhotos, signature: str) -> None:
    assume(signature != store._signature(ALLOWED))
    assert not store.verify(ALLOWED, signature)


def test_the_secret_is_the_owners_alone_and_stays(tmp_path: Path) -> None:
    first = FilePhotos(tmp_path)
    assert (tmp_path / KEPT_AT).stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / KEPT_AT).read_bytes()) == 32
    assert FilePhotos(tmp_path).verify(ALLOWED, first._signature(ALLOWED))


async def test_the_secret_is_no_object(tmp_path: Path) -> None:
    photos = FilePhotos(tmp_path)
    assert list(await photos.list("")) == []
    with pytest.raises(ValueError, match="key"):
        await photos.get(KEPT_AT)


def test_processes_that_start_at_once_share_one_secret(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SECRET_OF, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({process.communicate()[0] for process in started}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEPT_AT]


def test_another_folder_has_another_secret(tmp_path: Path) -> None:
    signed = FilePhotos(tmp_path / "a")._signature(ALLOWED)
    assert not FilePhotos(tmp_path / "b").verify(ALLOWED, signed)
