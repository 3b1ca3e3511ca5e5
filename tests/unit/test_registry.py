"""Finding versions in the registry without reading those that were not asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from nevus.adapters.files import FileStore
from nevus.ports import NotFound, StoredObject
from nevus.registry import Registry, sha256


class Counting(FileStore):
    """Knows what was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []

    async def get(self, key: str) -> StoredObject:
        self.read.append(key)
        return await super().get(key)


async def test_a_version_is_found_by_its_name_alone(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    for version in ("1", "2", "3"):
        await store.put(f"m/versions/{version}/manifest.json", version.encode())
    for other in ("m/versions/2/model.tflite", "verdicts/2.json", "m/old/2/manifest.json"):
        await store.put(other, b"no manifest of a version")
    found = await Registry(store).by_version("2")
    assert (found.name, found.version, found.sha256) == ("m", "2", sha256(b"2"))
    assert store.read == ["m/versions/2/manifest.json"]
    with pytest.raises(NotFound):
        await Registry(store).by_version("4")
    assert [ref.version for ref in await Registry(store).versions()] == ["1", "2", "3"]
