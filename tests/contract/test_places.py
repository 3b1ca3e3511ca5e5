"""Files by address: the same of a path and of Cloud Storage."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from google.cloud.storage import Client
from tests.emulators import Emulator

from nevus.adapters.places import Place, folder_of, join, place
from nevus.ports import NotFound


@pytest.fixture(params=["path", "gs"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty folder."""
    if request.param == "path":
        return str(tmp_path)
    emulator: Emulator = request.getfixturevalue("gcs")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.url)
    name = f"places-{uuid.uuid4().hex}"
    with_bucket = Client(project="test")
    with_bucket.create_bucket(name)
    with_bucket.close()
    return f"gs://{name}"


def test_what_is_written_is_read_back_and_listed(folder: str) -> None:
    file = place(join(folder, "a/b.bin"))
    with file.writing() as stream:
        stream.write(b"x" * 3_000_000)
        stream.write(b"end")
    with file.reading() as stream:
        assert stream.read(2) == b"xx"
        assert stream.read()[-3:] == b"end"
    assert len(file.read(3_000_003)) == 3_000_003
    with pytest.raises(ValueError, match="more than 10 bytes"):
        file.read(10)
    with place(join(folder, "a/c/d.bin")).writing() as stream:
        stream.write(b"")
    assert place(join(folder, "a/c/d.bin")).read(10) == b""
    assert place(join(folder, "a")).names() == ["b.bin"]
    assert place(join(folder, "nowhere")).names() == []


def test_a_write_that_fails_leaves_what_was_there(folder: str) -> None:
    file = place(join(folder, "a.txt"))
    assert file.create(b"first")
    assert not file.create(b"second")
    before = file.mark()
    with pytest.raises(RuntimeError):
        fail_while_writing(file)
    assert file.read(100) == b"first"
    assert file.mark() == before
    with file.writing() as stream:
        stream.write(b"third")
    assert file.mark() != before
    assert place(folder).names() == ["a.txt"]


def fail_while_writing(file: Place) -> None:
    with file.writing() as stream:
        stream.write(b"x" * 3_000_000)
        raise RuntimeError


def test_a_missing_file_is_not_found_and_may_be_deleted(folder: str) -> None:
    file = place(join(folder, "none.txt"))
    file.delete()
    with pytest.raises(NotFound):
        file.read(1)
    with pytest.raises(NotFound):
        file.mark()
    with pytest.raises(NotFound), file.reading() as stream:
        stream.read()


def test_addresses_are_read_from_where_they_are_written() -> None:
    assert folder_of("gs://bucket/a/manifest.csv") == "gs://bucket/a"
    assert join("gs://bucket/a", "b/1.jpg") == "gs://bucket/a/b/1.jpg"
    assert join("gs://bucket/a", "gs://other/1.jpg") == "gs://other/1.jpg"
    assert join("photos", "1.jpg") == "photos/1.jpg"
    assert join("photos", "/abs/1.jpg") == "/abs/1.jpg"
    with pytest.raises(ValueError, match="gs://bucket/name"):
        place("gs://")
