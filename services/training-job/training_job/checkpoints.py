"""Checkpoints of a training run in the store: another machine, or the next attempt, goes on from there.

`runs/<run id>/<attempt>-<step>/` holds a checkpoint's files and `runs/<run id>/checkpoint.json`, written last, names
them, and the latest attempt: what an earlier one that still lives would store counts no more.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from nevus.domain import Frozen
from nevus.ports import NotFound, ObjectStore, PortError, PreconditionFailed
from nevus.registry import sha256
from training_job.background import Background

Files = dict[str, bytes]
logger = logging.getLogger("training_job.retrain")


class Contents(Frozen):
    """A stored checkpoint: of which plan, in which folder, and the hash of each of its files."""

    attempt: int
    step: int = 0
    plan: str = ""
    folder: str = ""
    files: dict[str, str] = {}


class Checkpoints:
    """The checkpoints of one attempt with one plan. Storing is off the training's thread; only the newest one waits."""

    def __init__(self, store: ObjectStore, run_id: str, attempt: int, plan: str, loop: Background) -> None:
        self._store, self._attempt, self._plan, self._loop = store, attempt, plan, loop
        self._prefix = f"runs/{run_id}/"
        self._key = f"{self._prefix}checkpoint.json"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")
        self._lock = Lock()
        self._newest: tuple[int, Files] | None = None
        self._last: Future[None] | None = None

    def restore(self, folder: Path) -> int:
        """Put the stored checkpoint where TensorFlow looks for it; returns its step, 0 for none that can be used.

        From here on no earlier attempt stores another. Raises Unavailable.
        """
        step, files = self._loop.persist(self._claimed)
        if not files:
            return 0
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        prefix = json.dumps(f"ckpt-{step}")
        (folder / "checkpoint").write_text(f"model_checkpoint_path: {prefix}\nall_model_checkpoint_paths: {prefix}\n")
        return step

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

    async def _claimed(self) -> tuple[int, Files]:
        """What is stored, now this attempt's; read anew when an earlier one was just storing another."""
        while True:
            contents, generation = await self._stored()
            files = await self._files(contents)
            mine = contents.model_copy(update={"attempt": self._attempt}) if files else Contents(attempt=self._attempt)
            try:
                await self._store.put(self._key, mine.model_dump_json().encode(), if_generation=generation)
            except PreconditionFailed:
                continue
            return mine.step, files

    async def _stored(self) -> tuple[Contents, int]:
        """What is stored and its generation; nothing, of generation 0, where there is none."""
        try:
            stored = await self._store.get(self._key)
        except NotFound:
            return Contents(attempt=0), 0
        try:
            return Contents.model_validate_json(stored.data), stored.generation
        except ValidationError:
            return Contents(attempt=0), stored.generation

    async def _files(self, contents: Contents) -> Files:
        """The files of a checkpoint of this plan; none unless all are whole."""
        if contents.plan != self._plan:
            return {}
        try:
            names = contents.files
            files = {name: (await self._store.get(f"{self._prefix}{contents.folder}/{name}")).data for name in names}
        except NotFound:
            return {}
        return files if all(sha256(data) == contents.files[name] for name, data in files.items()) else {}

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
        folder = f"{self._attempt}-{step}"
        for name, data in files.items():
            await self._store.put(f"{self._prefix}{folder}/{name}", data)
        latest, generation = await self._stored()
        if latest.attempt > self._attempt:
            raise PreconditionFailed("a later attempt has begun")
        hashes = {name: sha256(data) for name, data in files.items()}
        contents = Contents(attempt=self._attempt, step=step, plan=self._plan, folder=folder, files=hashes)
        await self._store.put(self._key, contents.model_dump_json().encode(), if_generation=generation)
        await self._forget(keep=folder)

    async def _forget(self, keep: str | None) -> None:
        """Delete all but one checkpoint; the file that names them goes first, so that it names none half deleted."""
        kept = (self._key, f"{self._prefix}{keep}/") if keep is not None else ()
        keys = [key for key in await self._store.list(self._prefix) if not (kept and key.startswith(kept))]
        for key in sorted(keys, key=lambda key: key != self._key):
            await self._store.delete(key)
