"""Progress bars for long steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Step = Callable[[], None]


def columns() -> Progress:
    """A bar with what is done, the time passed and left, and a note (field `note`)."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )


@contextmanager
def steps(title: str, total: int) -> Iterator[Step]:
    """A bar that moves by one for each call of what it yields."""
    with columns() as bar:
        task = bar.add_task(title, total=total, note="")
        yield lambda: bar.advance(task)
