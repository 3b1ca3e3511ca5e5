"""Many photos at once: so many in flight, a bar, a row in the CSV for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nevus_client.answers import Prediction
from nevus_client.client import Nevus
from nevus_client.command import status
from nevus_client.command.journal import REFUSED, Journal, Row
from nevus_client.command.showing import say
from nevus_client.command.status import Exit
from nevus_client.errors import NevusError, Refused
from nevus_client.photos import Facts

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})
KEYS_FAULT = frozenset({401, 403})  # of the key, not of the photo: every other one would meet it too


def photos_in(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, folders by the photos in them and below, in order; hidden ones are passed over."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for each in inside:
            hidden = any(part.startswith(".") for part in each.relative_to(path).parts)
            if each == path or (each.suffix.lower() in SUFFIXES and each.is_file() and not hidden):
                found[each] = None
    return list(found)


class Batch:
    """One run over photos into a journal."""

    def __init__(
        self, nevus: Nevus, journal: Journal, facts: Facts, patience: float, tell: Callable[[Path, Prediction], None]
    ) -> None:
        """`tell` is told of each answer."""
        self._nevus, self._journal, self._facts, self._patience = nevus, journal, facts, patience
        self._tell = tell

    def run(self, photos: Sequence[Path], parallel: int) -> Exit:
        """Ask for each that has no row yet; raises `Refused` for a key that is."""
        left = [path for path in photos if str(path) not in self._journal.rows]
        ended = [of_row(self._journal.rows[str(path)]) for path in photos if str(path) in self._journal.rows]
        if ended:
            say(f"{len(ended)} of {len(photos)} are in the table already")
        with bar() as progress:
            task = progress.add_task("photos", total=len(photos), completed=len(ended))
            for each in bounded(self._one, left, parallel):
                ended.append(each)
                progress.advance(task)
        self._journal.end([str(path) for path in photos])
        return status.worst(ended)

    def _one(self, path: Path) -> Exit:
        """Its end; what may go better another time has no row."""
        try:
            photo = path.read_bytes()
            key = self._journal.key(str(path), photo, self._facts)
            answer = self._nevus.predict(photo, idempotency_key=key, wait=self._patience, **self._facts)
        except (NevusError, OSError) as error:
            if isinstance(error, Refused) and error.status in KEYS_FAULT:
                raise
            say(f"{path}: {error}")
            if status.of_error(error) is Exit.REFUSED:
                self._journal.refused(str(path), error)
            return status.of_error(error)
        self._tell(path, answer)
        return of_row(self._journal.answered(str(path), answer))


def of_row(row: Row) -> Exit:
    """What the exit status says of it."""
    return Exit.REFUSED if row["status"] == REFUSED else status.of_answer(row["status"], row["decision"])


def bounded(work: Callable[[Path], Exit], things: Sequence[Path], parallel: int) -> Iterator[Exit]:
    """Results as they come, so many at once; when one raises, or Ctrl-C is pressed, no other is begun."""
    waiting, pool = iter(things), ThreadPoolExecutor(parallel)
    try:
        under_way: set[Future[Exit]] = {pool.submit(work, each) for each in islice(waiting, parallel)}
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            under_way |= {pool.submit(work, each) for each in islice(waiting, len(done))}
            yield from (each.result() for each in done)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def bar() -> Progress:
    """On standard error, drawn on a terminal alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not Console(stderr=True).is_terminal)
