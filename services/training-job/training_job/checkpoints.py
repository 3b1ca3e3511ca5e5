"""Checkpoints of a training run in the store: another machine, or the next attempt, goes on from there.

`runs/<run id>/<step>/` holds a checkpoint's files and `runs/<run id>/checkpoint.json`, written last, names them.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from nevus.domain import Frozen
from nevus.ports import NotFound, ObjectStore, PortError
from nevus.registry import sha256
from training_job.background import Background

Files = dict[str, bytes]
logger = logging.getLogger("training_job.retrain")


class Contents(Frozen):
    """A stored checkpoint: of which plan, and the hash of each of its files."""

    step: int
    plan: str
    files: dict[str, str]


class Checkpoints:
    """The checkpoints of one run with one plan. Storing is off the training's thread; only the newest one waits."""

    def __init__(self, store: ObjectStore, run_id: str, plan: str, loop: Background) -> None:
        self._store, self._plan, self._loop = store, plan, loop
        self._prefix = f"runs/{run_id}/"
        self._key = f"{self._prefix}checkpoint.json"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._lock = Lock()
        self._newest: tuple[int, Files] | None = None
        self._last: Future[None] | None = None

    def restore(self, folder: Path) -> int:
        """Put the stored checkpoint where TensorFlow looks for it; returns its step, 0 for none that can be used.

        Raises Unavailable.
        """
        try:
            contents = Contents.model_validate_json(self._get(self._key))
            files = {name: self._get(f"{self._prefix}{contents.step}/{name}") for name in contents.files}
        except (NotFound, ValidationError):
            return 0
        whole = all(sha256(data) == contents.files[name] for name, data in files.items())
        if contents.plan != self._plan or not whole:
            return 0
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        prefix = json.dumps(f"ckpt-{contents.step}")
        (folder / "checkpoint").write_text(f"model_checkpoint_path: {prefix}\nall_model_checkpoint_paths: {prefix}\n")
        return contents.step

    def keep(self, folder: Path, step: int) -> None:
        """Store a checkpoint soon; one that cannot be stored is told in the log and costs nothing else."""
        files = {path.name: path.read_bytes() for path in folder.glob(f"ckpt-{step}.*")}
        with self._lock:
            self._newest = (step, files)
        self._last = self._thread.submit(self._upload)

    def settle(self) -> None:
        """Wait until the newest one is stored, or could not be."""
        if self._last:
            self._last.result()

    def forget(self) -> None:
        """Delete all of the run's; raises Unavailable."""
        self.settle()
        self._loop.run(self._forget(keep=None))

    def _get(self, key: str) -> bytes:
        return self._loop.run(self._store.get(key)).data

    def _upload(self) -> None:
        with self._lock:
            newest, self._newest = self._newest, None
        if newest is None:
            return
        try:
            self._loop.run(self._put(*newest))
        except PortError as error:
            logger.warning("a checkpoint was not stored: %s", type(error).__name__)

    async def _put(self, step: int, files: Files) -> None:
        for name, data in files.items():
            await self._store.put(f"{self._prefix}{step}/{name}", data)
        contents = Contents(step=step, plan=self._plan, files={name: sha256(data) for name, data in files.items()})
        await self._store.put(self._key, contents.model_dump_json().encode())
        await self._forget(keep=step)

    async def _forget(self, keep: int | None) -> None:
        """Delete all but one checkpoint; the file that names them goes first, so that it names none half deleted."""
        kept = (self._key, f"{self._prefix}{keep}/") if keep is not None else ()
        keys = [key for key in await self._store.list(self._prefix) if not (kept and key.startswith(kept))]
        for key in sorted(keys, key=lambda key: key != self._key):
            await self._store.delete(key)
