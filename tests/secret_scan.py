"""No secret stands in a log: a plugin that looks through all that is logged in a run of the tests, and fails it.

In this process every record is looked at as its line would be written, with the fields beside the message; after the
last test every log file that servers and jobs of the tests left. Secrets are known by their form, whoever made them:
keys, links, sessions, tokens, signatures of upload URLs. A test's own NEVUS_ADMIN_KEY begins as keys do.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from nevus.telemetry import JsonFormatter

SECRET = re.compile(
    r"\bnv[siw]_[\w-]{16,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|nevus_session=\w|/sign-in\?token=\w|"
    r"(?i:\bsignature=[0-9a-f]{16})|(?i:\bbearer [\w.~+/-]{16,})"
)
LOG = re.compile(r"\.log(\.\d+)?$|\.log\.jsonl$|^log\.jsonl$")
FORMATTER = JsonFormatter("tests")
LOGGERS = ("gateway", "inference", "nevus", "training_job")
TOLD = 10


def secrets_in(text: str) -> list[str]:
    """What looks like one, cut so that telling it does no harm."""
    return [found[0][:12] + "..." for found in SECRET.finditer(text)]


def logs_under(folder: Path) -> Iterator[Path]:
    """Every log file of the run, those of its workers included."""
    yield from (path for path in folder.rglob("*") if LOG.search(path.name) and path.is_file())


def findings(folder: Path) -> list[str]:
    """File, line and beginning of each secret."""
    return [
        f"{path}:{number}: {found}"
        for path in logs_under(folder)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        for found in secrets_in(line)
    ]


class Scan:
    """The plugin."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._logged: list[str] = []
        self._left: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Look at every record that any logger handles, while the tests run."""
        handled: Callable[[logging.Logger, logging.LogRecord], None] = logging.Logger.callHandlers

        def looked_at(logger: logging.Logger, record: logging.LogRecord) -> None:
            self._logged += secrets_in(FORMATTER.format(record))
            handled(logger, record)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(logging.Logger, "callHandlers", looked_at)
            for name in LOGGERS:
                patched.setattr(logging.getLogger(name), "level", logging.INFO)
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """The test in which it was logged fails."""
        yield
        logged, self._logged = self._logged, []
        if logged:
            pytest.fail(f"a secret was logged: {', '.join(logged[:TOLD])}", pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """The run fails if a log has one; workers leave that to who started them."""
        yield
        if not hasattr(self._config, "workerinput"):
            self._left = findings(cast(Any, self._config)._tmp_path_factory.getbasetemp())
            if self._left:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Where they are."""
        if self._left:
            terminalreporter.section("secrets in logs", red=True)
            for line in self._left[:TOLD]:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Join the run."""
    config.pluginmanager.register(Scan(config), "nevus-secret-scan")
