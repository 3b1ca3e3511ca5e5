"""Dockerfiles as tests read them, and the build context that .dockerignore leaves."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.conftest import ROOT

FILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined."""

    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """Of the exec form; raises ValueError for the shell form."""
        return [str(word) for word in json.loads(self.value)]


def instructions(path: Path) -> list[Instruction]:
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def stages(path: Path) -> list[list[Instruction]]:
    """Instructions of each stage; what comes before the first FROM is left out."""
    found: list[list[Instruction]] = []
    for instruction in instructions(path):
        if instruction.name == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def one(stage: list[Instruction], name: str) -> Instruction:
    """The only instruction of that name."""
    (found,) = (instruction for instruction in stage if instruction.name == name)
    return found


def variables(stage: list[Instruction]) -> dict[str, str]:
    """What its ENV instructions set."""
    return dict(pair.split("=", 1) for i in stage if i.name == "ENV" for pair in i.value.split())


def in_context(path: str) -> bool:
    """Whether .dockerignore, whose last pattern that fits decides, lets a file into the build."""
    allowed = True
    for pattern in (ROOT / ".dockerignore").read_text().splitlines():
        if pattern and not pattern.startswith("#") and fits(path, pattern.removeprefix("!")):
            allowed = pattern.startswith("!")
    return allowed


def fits(path: str, pattern: str) -> bool:
    """A pattern fits a path or any of its folders; `*` stays within a name, `**/` stands for any folders."""
    parts = path.split("/")
    if pattern.startswith("**/"):
        return any(fits("/".join(parts[n:]), pattern[3:]) for n in range(len(parts)))
    wanted = pattern.split("/")
    return len(parts) >= len(wanted) and all(map(fnmatch, parts, wanted))
