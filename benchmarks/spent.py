"""Which process and thread spends the CPU time of an answer of Nevus whole, and what of it is the floor.

`.venv/dev/bin/python -m benchmarks.spent [--rounds 3] [--seconds 4] [--connections 32]` on a machine that does nothing
else (Linux). MobileNetV2, drawn photos of 600x450, as `make bench` sends them. Prints a line a round, and the medians.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil
from benchmarks.serving import rounds
from benchmarks.serving.asking import first_answer
from benchmarks.serving.floor import at_once
from benchmarks.serving.processes import Running
from benchmarks.serving.results import mean_floor
from benchmarks.serving.setting import Setting, free_port, prepare
from benchmarks.serving.stacks import NEVUS, STACKS

from nevus.machine import cores

PARTS = {"gateway.intake_process": "intake", "gateway": "gateway", "inference": "inference"}
FLOOR_PHOTOS = 60


def spent(running: Running) -> dict[str, float]:
    """Milliseconds of CPU time so far, of each service's main thread, which has its loop, and of its others."""
    found: defaultdict[str, float] = defaultdict(float)
    for process in running.family():
        with suppress(psutil.Error, OSError):  # one that has ended meanwhile
            part = next((PARTS[word] for word in process.cmdline() if word in PARTS), "supervisor")
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                single = part in ("intake", "supervisor")
                kind = "" if single else ", loop" if thread.name == str(process.pid) else ", threads"
                found[part + kind] += int(thread.joinpath("schedstat").read_text().split()[0]) / 1e6
            times = process.cpu_times()
            found["intake"] += 1000 * (times.children_user + times.children_system)  # those that were replaced
    return found


def measured(setting: Setting, folder: Path, asked: argparse.Namespace) -> list[dict[str, float]]:
    """Milliseconds an answer by part, a round each."""
    stack = next(each for each in STACKS if each.name == NEVUS)
    port, results = free_port(), []
    with Running(stack.start(setting, port, folder), folder / "log") as running:
        first_answer(stack, setting, port, running, folder / "log")
        sender = rounds.Sender(stack, setting, port, folder)
        sender.send(connections=8, requests=64, seconds=8)
        for _ in range(asked.rounds):
            before = spent(running)
            load = sender.send(connections=asked.connections, requests=rounds.ENOUGH, seconds=asked.seconds)
            after, count = spent(running), len(load.answered_ms)
            parts = {name: (after[name] - before[name]) / count for name in sorted(after)}
            floor = mean_floor(at_once(setting.registry, FLOOR_PHOTOS, cores())).whole
            results.append(parts | {"all": sum(parts.values()), "floor": floor, "a second": count / load.seconds})
            print(told(results[-1]), flush=True)
    return results


def told(parts: dict[str, float]) -> str:
    """On one line."""
    return "  ".join(f"{name} {value:.2f}" for name, value in parts.items())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=32)
    with tempfile.TemporaryDirectory(prefix="nevus-spent-", dir="/tmp") as temporary:  # sockets need short paths
        folder = Path(temporary)
        found = measured(prepare(folder / "setting", folder / "none"), folder, parser.parse_args())
    print("median:", told({name: median(each[name] for each in found) for name in found[0]}))


if __name__ == "__main__":
    main()
