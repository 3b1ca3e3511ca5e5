"""`python -m benchmarks.serving`: see docs/benchmark-serving.md."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.serving import page, people, tables
from benchmarks.serving.asking import Failed
from benchmarks.serving.environments import ROOT, InstallError
from benchmarks.serving.results import FEW, MANY, Run
from benchmarks.serving.rounds import QUICK, Effort, go_round
from benchmarks.serving.setting import Setting, prepare
from benchmarks.serving.stacks import STACKS, Stack

from training_job.benchmark import machine
from training_job.revision import git_commit


def folder() -> Path:
    """Where environments and results are kept."""
    return Path(os.environ.get("BENCH_DIR") or Path(os.environ.get("DATA_DIR") or ROOT / ".nevus") / "bench").absolute()


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    names = ", ".join(stack.name for stack in STACKS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--crowds", type=int, help="rounds in which 500 at once come to the peers too, all unless told")
    parser.add_argument("--seconds", type=float, default=Effort.many, help="at 32 connections; half of it at one")
    parser.add_argument("--stacks", help=f"some of {names}, by commas")
    parser.add_argument("--people", type=int, default=120, help="seconds that 500 people stay, 0 for none")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all works")
    parser.add_argument("--out", type=Path, default=folder() / "results", help="folder of bench.json and bench.html")
    return parser.parse_args()


def chosen(names: str | None) -> list[Stack]:
    """By their names, all unless told; ends the program on one that is not known."""
    wanted = names.split(",") if names else [stack.name for stack in STACKS]
    unknown = set(wanted) - {stack.name for stack in STACKS}
    if unknown:
        sys.exit(f"There is no stack {', '.join(sorted(unknown))}.")
    return [stack for stack in STACKS if stack.name in wanted]


def main() -> None:
    """Measure, print and draw."""
    given = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stacks = chosen(given.stacks)
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nevus-bench-") as temporary:
        setting = prepare(Path(temporary), folder())
        effort = effort_of(given)
        run = begun(stacks, setting, effort)
        for number in range(1 if given.quick else given.rounds):
            print(f"round {number + 1}", flush=True)
            found = go_round(stacks, setting, effort, number)
            run = kept(run.model_copy(update={"rounds": (*run.rounds, found)}), given.out)
        run = kept(visited(run, stacks, setting, given), given.out)
    print(tables.told(run))
    print(f"\n{given.out}/bench.json, bench.html and bench.txt")


def effort_of(given: argparse.Namespace) -> Effort:
    """As the command line has it."""
    if given.quick:
        return QUICK
    crowds = given.rounds if given.crowds is None else given.crowds
    return Effort(few=given.seconds / 2, many=given.seconds, crowds=crowds)


def begun(stacks: list[Stack], setting: Setting, effort: Effort) -> Run:
    """With no round yet."""
    return Run(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.facts(),
        git_commit=git_commit(),
        model=f"{setting.version.parent.parent.name} {setting.version.name}",
        titles={stack.name: stack.title for stack in stacks},
        floors={stack.name: stack.floor for stack in stacks},
        seconds={FEW: effort.few, MANY: effort.many},
    )


def visited(run: Run, stacks: list[Stack], setting: Setting, given: argparse.Namespace) -> Run:
    """With what people saw."""
    seconds, crowd = (15, 20) if given.quick else (given.people, people.PEOPLE)
    seen = {}
    for stack in stacks:
        if given.people and stack.name in people.VISITED:
            print(f"{crowd} people at {stack.name} for {seconds} s", flush=True)
            try:
                seen[stack.name] = people.visit(stack, setting, given.out, seconds, crowd)
            except (Failed, InstallError, OSError, subprocess.SubprocessError) as error:
                print(f"  {error}", flush=True)
    return run.model_copy(update={"people": seen})


def kept(run: Run, out: Path) -> Run:
    """The run, once what is known of it has been written."""
    (out / "bench.json").write_text(run.model_dump_json())
    (out / "bench.html").write_text(page.page(run))
    (out / "bench.txt").write_text(tables.told(run) + "\n")
    return run


if __name__ == "__main__":
    main()
