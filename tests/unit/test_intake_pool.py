"""Processes that decode are killed, hang and crash; each photo has its answer, and the next finds them whole."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image
from tests.photos import lesion
from tests.security.corpus import encoded
from tests.security.corpus_png import chunk_flood
from tests.waiting import until

from gateway.intake_pool import Limits, Pool
from gateway.intake_process import ANSWER, TASKS, packed, unpacked
from gateway.intake_worker import Clean, Refusal
from gateway.problems import Problem

PHOTO = lesion((160, 120))
MEMORY = 512 * 1024 * 1024


def workers() -> list[psutil.Process]:
    """That decode for this process."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "gateway.intake_process" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
    return found


@asynccontextmanager
async def pool(folder: Path, size: int = 1, *, cpu: float = 30.0, timeout: float = 30.0) -> AsyncIterator[Pool]:
    lock_file = folder / "lock"
    lock_file.touch()
    made = Pool(size, Limits(MEMORY, cpu, timeout, str(lock_file)))
    await made.start()
    try:
        yield made
    finally:
        await made.close()
        assert not workers()


async def works(made: Pool) -> bool:
    return isinstance(await made.clean(PHOTO), Clean)


async def under_way(made: Pool, data: bytes) -> tuple[asyncio.Task[Clean | Refusal], psutil.Process]:
    """A photo, and the process that has begun to decode it."""
    (worker,) = workers()
    before = worker.cpu_times().user
    task = asyncio.create_task(made.clean(data))
    await until(lambda: worker.cpu_times().user > before)
    return task, worker


@pytest.mark.parametrize("size", [1, 2])
async def test_one_that_is_killed_while_it_waits_is_replaced(tmp_path: Path, size: int) -> None:
    async with pool(tmp_path, size) as made:
        for _ in range(2):
            for worker in workers():
                worker.kill()
                worker.wait()
            assert all([await works(made) for _ in range(2 * size)])
            assert len(workers()) == size


async def test_a_photo_whose_process_is_killed_is_decoded_by_another(tmp_path: Path) -> None:
    async with pool(tmp_path) as made:
        task, worker = await under_way(made, chunk_flood(300_000))
        worker.kill()
        assert isinstance(await task, Clean)
        assert await works(made)


async def test_a_photo_whose_processes_are_all_killed_may_come_again(tmp_path: Path) -> None:
    async with pool(tmp_path) as made:
        task, worker = await under_way(made, chunk_flood(1_000_000))
        worker.kill()
        await until(lambda: [other for other in workers() if other.pid != worker.pid])
        (other,) = workers()
        await until(lambda: other.cpu_times().user > 0.3)
        other.kill()
        with pytest.raises(Problem, match="busy"):
            await task
        assert await works(made)


@pytest.mark.parametrize("how", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
async def test_a_photo_that_crashes_its_decoder_is_refused(tmp_path: Path, how: signal.Signals) -> None:
    async with pool(tmp_path) as made:
        task, worker = await under_way(made, chunk_flood(300_000))
        worker.send_signal(how)
        assert await task == Refusal("photo-unreadable", "Decoding it failed.")
        assert await works(made)


async def test_a_decoder_that_goes_round_in_circles_is_ended_by_its_own_clock(tmp_path: Path) -> None:
    async with pool(tmp_path, cpu=0.2) as made:
        assert await made.clean(chunk_flood(1_500_000)) == Refusal("photo-unreadable", "Decoding it takes too long.")
        assert await works(made)


async def test_a_decoder_that_stands_still_is_ended_from_outside(tmp_path: Path) -> None:
    async with pool(tmp_path, timeout=1.0) as made:
        (worker,) = workers()
        worker.suspend()
        begun = time.monotonic()
        assert await made.clean(PHOTO) == Refusal("photo-unreadable", "Decoding it takes too long.")
        assert time.monotonic() - begun < 5
        assert await works(made)
        assert workers() != [worker]


async def test_who_hangs_up_leaves_a_whole_process_behind(tmp_path: Path) -> None:
    async with pool(tmp_path) as made:
        task, worker = await under_way(made, chunk_flood(100_000))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await works(made)
        assert workers() == [worker]


async def test_each_ends_after_so_many_photos_without_one_noticing(tmp_path: Path) -> None:
    small = encoded(Image.new("RGB", (64, 64)), "PNG")
    async with pool(tmp_path) as made:
        (first,) = workers()
        answers = [await made.clean(small) for _ in range(TASKS + 1)]
        assert {type(answer) for answer in answers} == {Clean}
        assert first not in workers()


async def test_where_no_process_can_be_started_photos_may_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pool(tmp_path) as made:
        with monkeypatch.context() as patch:
            patch.setattr("sys.executable", "/nowhere")
            workers()[0].kill()
            await until(lambda: not workers())
            for _ in range(2):
                with pytest.raises(Problem, match="busy"):
                    await made.clean(PHOTO)
        assert await works(made)


def test_nothing_but_an_answer_is_understood() -> None:
    for answer in (Clean(b"jpeg", 3, 2), Refusal("photo-unreadable", "Why.")):
        whole = packed(answer, last=False)
        _, width, height, length = ANSWER.unpack(whole[: ANSWER.size])
        assert unpacked(width, height, whole[ANSWER.size :]) == answer
        assert length == len(whole) - ANSWER.size
    for nonsense in (b"", b"photo-unreadable", b"\xff\0", b"no-problem\0told"):
        with pytest.raises(ValueError):  # noqa: PT011  # whichever: the process is ended
            unpacked(0, 0, nonsense)
