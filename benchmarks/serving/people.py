"""500 people in sessions of their own, by Locust: what they saw, and whether what was acknowledged is there."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.serving.asking import Failed, first_answer
from benchmarks.serving.environments import PEERS, python_of
from benchmarks.serving.processes import Running
from benchmarks.serving.records import absent
from benchmarks.serving.seen import People, history, steps
from benchmarks.serving.setting import Setting, free_port
from benchmarks.serving.stacks import Stack

VISITED = ("original-1", "original-4", "nevus")
PEOPLE, A_SECOND = 500, 25
END = 120.0  # seconds that Locust may take on top of its run time


def visit(stack: Stack, setting: Setting, out: Path, seconds: int, people: int = PEOPLE) -> People:
    """Start the stack and let people in; Locust's own page goes to `out`; raises Failed."""
    with tempfile.TemporaryDirectory(prefix="nevus-bench-", dir="/tmp") as temporary:  # sockets need short paths
        folder = Path(temporary)
        folder.chmod(0o711)  # nginx gives its rights away and must reach the socket
        port = free_port()
        with Running(stack.start(setting, port, folder), folder / "log") as running:
            first_answer(stack, setting, port, running, folder / "log")
            before = running.cpu()
            tally = locust(stack, setting, folder, out, port=port, seconds=seconds, people=people)
            spent = running.cpu() - before
            missing = absent(port, tally["acknowledged"]) if stack.whole else 0
        return People(
            history=history((folder / "seen_stats_history.csv").read_text().splitlines()),
            steps=steps((folder / "seen_stats.csv").read_text().splitlines()),
            acknowledged=len(tally.pop("acknowledged")),
            missing=missing,
            cpu=spent,
            **tally,
        )


def locust(
    stack: Stack, setting: Setting, folder: Path, out: Path, *, port: int, seconds: int, people: int
) -> dict[str, Any]:
    """Run it; returns its tally; raises Failed."""
    python = python_of("locust", setting.environments)
    words = (
        *(str(python), "-m", "locust", "-f", str(PEERS / "locust/locustfile.py"), "--headless", "--only-summary"),
        *("--users", str(people), "--spawn-rate", str(A_SECOND), "--run-time", f"{seconds}s", "--stop-timeout", "30"),
        *("--host", f"http://127.0.0.1:{port}", "--exit-code-on-error", "0"),
        *("--csv", str(folder / "seen"), "--html", str(out / f"locust-{stack.name}.html")),
    )
    environment = asked(stack, setting, folder)
    with (folder / "locust.log").open("wb") as log:
        subprocess.run(words, env=environment, stdout=log, stderr=log, timeout=seconds + END, check=False, cwd=folder)
    try:
        tally: dict[str, Any] = json.loads((folder / "tally.json").read_text())
    except FileNotFoundError as error:
        raise Failed(f"Locust: {(folder / 'locust.log').read_text()[-1500:]}") from error
    return tally


def asked(stack: Stack, setting: Setting, folder: Path) -> dict[str, str]:
    """What the locustfile reads."""
    bodies = folder / "bodies"
    bodies.mkdir()
    packed = [stack.form.pack(photo) for photo in setting.photos]
    for i, (_, body) in enumerate(packed):
        (bodies / f"{i:03d}").write_bytes(body)
    (folder / "tokens").write_text("\n".join(setting.tokens) if stack.whole else "")
    return {
        "PATH": "/usr/bin:/bin",
        "BENCH_PATH": stack.path,
        "BENCH_TYPE": packed[0][0]["Content-Type"],
        "BENCH_BODIES": str(bodies),
        "BENCH_TOKENS": str(folder / "tokens"),
        "BENCH_TALLY": str(folder / "tally.json"),
    }
