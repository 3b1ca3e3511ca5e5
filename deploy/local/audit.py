"""`make audit`: every package of every lock against PyPI's advisories, but for what audit.toml argues away.

A package that cannot be looked up fails the audit as a vulnerable one does: nothing counts as clean unseen. The locks
of the benchmark's peers are no part of it: they stay what was measured, and answer on 127.0.0.1 during `make bench`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
EXCEPTIONS = "audit.toml"
WORDS = {"id": str, "package": str, "reason": str, "until": date}
LEAST_REASON = 20  # characters


def locks(folder: Path) -> list[Path]:
    """All of them."""
    return sorted(folder.glob("*.txt"))


def packages(folder: Path) -> set[str]:
    """Every name that any lock holds."""
    return {name for lock in locks(folder) for name in re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)}


def exceptions(folder: Path, today: date) -> list[str]:
    """Advisories to pass over; raises ValueError for one that is not argued, over its day or of no package here."""
    stated: list[dict[str, Any]] = tomllib.loads((folder / EXCEPTIONS).read_text()).get("exception", [])
    there = packages(folder)
    for each in stated:
        if {name: type(value) for name, value in each.items()} != WORDS or len(each["reason"]) < LEAST_REASON:
            raise ValueError(f"{each.get('id', each)}: an exception has {', '.join(WORDS)}, and a reason in words")
        if each["until"] < today:
            raise ValueError(f"{each['id']}: believed until {each['until']}; look at it again")
        if each["package"] not in there:
            raise ValueError(f"{each['id']}: no lock has {each['package']}; take the exception out")
    return [each["id"] for each in stated]


def command(folder: Path, passed_over: list[str]) -> list[str]:
    """Of pip-audit: the locks as they are, resolving nothing."""
    options = ["--strict", "--require-hashes", "--disable-pip", "--progress-spinner=off", "--aliases=on"]
    files = [f"--requirement={lock}" for lock in locks(folder)]
    return [sys.executable, "-m", "pip_audit", *options, *files, *(f"--ignore-vuln={each}" for each in passed_over)]


def main() -> int:
    """Exit status."""
    try:
        passed_over = exceptions(REQUIREMENTS, datetime.now(UTC).date())
    except ValueError as error:
        sys.stderr.write(f"audit.toml: {error}.\n")
        return 1
    return subprocess.run(command(REQUIREMENTS, passed_over), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
