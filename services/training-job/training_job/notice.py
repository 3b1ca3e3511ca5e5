"""The notice to end, SIGTERM: Cloud Run gives it ten seconds before it kills."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from training_job.hooks import Interrupted


class Notice:
    """Interrupts the main thread wherever it is, once; in a `patiently` block only where it checks."""

    def __init__(self) -> None:
        self._given = self._patient = False
        signal.signal(signal.SIGTERM, self._on_signal)

    def give(self) -> None:
        """As if the signal had come; from any thread."""
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def ignore(self) -> None:
        """From here on it is too late to end."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def check(self) -> None:
        """Raises Interrupted when the notice was given."""
        if self._given:
            raise Interrupted

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """A block that looks by `check` when it may end."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False
        self.check()

    def _on_signal(self, *_: object) -> None:
        again, self._given = self._given, True
        if not self._patient and not again:
            raise Interrupted
