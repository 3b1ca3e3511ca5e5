"""What the file store promises beyond the contract: plain files, processes, kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nevus.adapters.files import TEMPORARY, FileStore
from nevus.ports import Unavailable

WRITER = """
import asyncio, sys
from pathlib import Path
from nevus.adapters.files import FileStore

async def main():
    store = FileStore(Path(sys.argv[1]))
    for n in range(100_000):
        await store.put(f"photos/{n % 10}", str(n).encode() * 50_000)
        print(n, flush=True)

asyncio.run(main())
"""
COUNTER = """
import asyncio, sys
from pathlib import Path
from nevus.adapters.files import FileStore
from nevus.ports import PreconditionFailed

async def main():
    store = FileStore(Path(sys.argv[1]))
    done = 0
    while done < 15:
        stored = await store.get("count")
        try:
            await store.put("count", str(int(stored.data) + 1).encode(), if_generation=stored.generation)
            done += 1
        except PreconditionFailed:
            pass

asyncio.run(main())
"""


async def test_leaves_the_object_alone_in_its_folder(tmp_path: Path) -> None:
    await FileStore(tmp_path).put("photos/one", b"pixels")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["photos", "photos/one"]
    assert (tmp_path / "photos/one").read_bytes() == b"pixels"


async def test_generations_grow_even_when_the_clock_does_not(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    first = await store.put("one", b"")
    future = first + 10**15
    os.utime(tmp_path / "one", ns=(future, future))
    assert await store.put("one", b"") == future + 1


async def test_counts_right_from_several_processes(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await store.put("count", b"0")
    counters = [subprocess.Popen([sys.executable, "-c", COUNTER, str(tmp_path)]) for _ in range(3)]
    assert [await asyncio.to_thread(counter.wait) for counter in counters] == [0, 0, 0]
    assert (await store.get("count")).data == b"45"


@pytest.mark.parametrize("writes", [1, 7, 25])
async def test_a_killed_writer_leaves_whole_objects_only(tmp_path: Path, writes: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        last = [int(writer.stdout.readline()) for _ in range(writes)][-1]
        writer.send_signal(signal.SIGKILL)
    store = FileStore(tmp_path)
    assert not list(tmp_path.rglob(TEMPORARY + "*"))
    numbers = set()
    for key in await store.list("photos/"):
        data = (await store.get(key)).data
        number = int(data[: len(data) // 50_000])
        assert data == str(number).encode() * 50_000
        numbers.add(number)
    assert max(numbers) >= last


async def test_a_sweep_spares_a_living_writer(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    with store._written(tmp_path, b"data") as (temporary, _):
        FileStore(tmp_path)
        assert temporary.read_bytes() == b"data"
        assert not await store.list("")


async def test_a_failing_disk_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "photos").write_bytes(b"not a folder")
    with pytest.raises(Unavailable):
        await FileStore(tmp_path).put("photos/one", b"")
