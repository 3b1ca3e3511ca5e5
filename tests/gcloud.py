"""A stand-in for `gcloud run`: keeps traffic and jobs, writes down its calls, fails at those that it is told."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

TYPE_CHECKING = False  # typing costs as much as the rest; this starts hundreds of times

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    State = dict[str, Any]
STAND_IN = """#!{python} -IS
import sys
sys.path.insert(0, {root!r})
from tests.gcloud import main
sys.exit(main(sys.argv[1:]))
"""


class Gcloud:
    """Where the stand-in keeps its state and its calls; its folder goes before everything else on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def calls(self) -> list[list[str]]:
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def state(self) -> State:
        return read(self.folder)

    def put(self, **state: object) -> None:
        write(self.folder, self.state | state)

    def start(self, words: Sequence[str], given: str, _: str) -> tuple[int, str, str]:
        """What the program would answer, without starting it."""
        answer, error = self.called(list(words), given)
        return (1, "", error) if answer is None else (0, answer, "")

    def called(self, words: list[str], given: str) -> tuple[str | None, str]:
        """An answer, or None and an error."""
        state, number = self.state, len(self.calls)
        with (self.folder / "calls").open("a") as calls:
            calls.write(json.dumps(words) + "\n")
        if number in state["fail"]:
            return None, "the stand-in was told to fail"
        answer = answered(state, words, given)
        write(self.folder, state)
        return answer, "NOT_FOUND: no such thing"

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "GCLOUD_STAND_IN": str(self.folder)}


def stand_in(folder: Path) -> Gcloud:
    """Make one in an empty folder."""
    program = folder / "gcloud"
    program.write_text(STAND_IN.format(python=sys.executable, root=str(Path(__file__).resolve().parents[1])))
    program.chmod(0o755)
    return Gcloud(folder)


def read(folder: Path) -> State:
    file = folder / "state"
    return json.loads(file.read_text()) if file.exists() else {"services": {}, "jobs": {}, "fail": []}


def write(folder: Path, state: State) -> None:
    (folder / "state.new").write_text(json.dumps(state))
    (folder / "state.new").replace(folder / "state")


def main(words: list[str]) -> int:
    given = sys.stdin.read() if "-" in words else ""
    answer, error = Gcloud(Path(os.environ["GCLOUD_STAND_IN"])).called(words, given)
    (sys.stderr if answer is None else sys.stdout).write((error if answer is None else answer) + "\n")
    return int(answer is None)


def answered(state: State, words: list[str], given: str) -> str | None:
    """What Cloud Run answers, None for what it does not know."""
    if words[1] == "services" and words[2] in {"replace", "update-traffic"}:
        return served(state, words, given)
    if words[2] == "describe" and "--format=json" in words:
        return json.dumps({"status": state["services"][words[3]]})
    if words[2] == "describe":
        return str(state["jobs"][words[3]])
    if words[2] == "replace":
        state["jobs"][given.partition("name: ")[2].split(maxsplit=1)[0]] = given
        return ""
    return None


def served(state: State, words: list[str], given: str) -> str:
    """The traffic of a service."""
    if words[2] == "update-traffic":
        service = state["services"][words[3]]
        shares = next(word for word in words if word.startswith("--to-revisions=")).partition("=")[2]
        tags = (
            []
            if any(word.startswith("--remove-tags") for word in words)
            else [t for t in service["traffic"] if t.get("tag")]
        )
        service["traffic"] = [
            {"revisionName": name, "percent": int(percent)}
            for name, _, percent in (s.partition("=") for s in shares.split(","))
        ] + [{key: value for key, value in tag.items() if key != "percent"} for tag in tags]
        return ""
    name = given.partition("name: ")[2].split()[0]
    traffic = json.loads(given.rpartition("traffic: ")[2])
    for entry in traffic:
        if "tag" in entry:
            entry["url"] = state["url"] + "/" + entry["tag"]
    state["services"][name]["traffic"] = traffic
    return ""
