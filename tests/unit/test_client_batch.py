"""A batch of `nevus predict` where the service is busy or the key unknown, over real connections."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path

import pytest
from tests.scripted import Answer, Asked, Scripted, as_json, scripted
from typer.testing import CliRunner, Result

from gateway.views import EXAMPLE, PENDING_EXAMPLE
from nevus_client.command.app import app
from nevus_client.command.batch import bounded
from nevus_client.command.status import Exit

BUSY = Answer(503, headers={"Retry-After": "30"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("free", "busy", "late"):
        (tmp_path / f"{name}.jpg").write_text(f"photo {name}")
    return tmp_path


def run(server: Scripted) -> Result:
    words = ["predict", ".", "--patience", "0", "--parallel", "1"]
    return CliRunner().invoke(app, words, env={"NEVUS_KEY": "nvs_key", "NEVUS_URL": server.url})


def rows(folder: Path) -> dict[str, str]:
    with (folder / "nevus.csv").open(newline="") as file:
        return {row["file"]: row["status"] for row in csv.DictReader(file)}


def keys(server: Scripted, name: str) -> set[str]:
    return {each.headers["idempotency-key"] for each in server.asked if f"photo {name}".encode() in each.body}


def test_what_was_busy_or_pending_is_asked_again_the_next_time_with_the_same_key(folder: Path) -> None:
    crowded = True

    def behave(asked: Asked) -> Answer:
        if crowded and b"busy" in asked.body:
            return BUSY
        pending = crowded and b"late" in asked.body
        return as_json(PENDING_EXAMPLE, 202) if pending else as_json(EXAMPLE, 201)

    with scripted(behave) as server:
        first = run(server)
        assert (first.exit_code, rows(folder)) == (3, {"free.jpg": "complete", "late.jpg": "pending"})
        assert "busy.jpg: HTTP status 503" in first.stderr
        crowded = False
        assert run(server).exit_code == Exit.SEE_A_DOCTOR
    assert rows(folder) == {f"{name}.jpg": "complete" for name in ("free", "busy", "late")}
    assert [len(keys(server, name)) for name in ("free", "busy", "late")] == [1, 1, 1]
    assert len(server.asked) == 5
    assert not (folder / "nevus.csv.batch").exists()


def test_a_key_that_is_unknown_ends_a_batch_at_once(folder: Path) -> None:
    with scripted(lambda _: Answer(401)) as server:
        done = run(server)
    assert (done.exit_code, rows(folder)) == (1, {})
    assert "NEVUS_KEY or --key is not a key of this service" in done.stderr
    assert len(server.asked) <= 2


def test_so_many_at_once_and_no_more() -> None:
    most, inside, lock = 0, 0, threading.Lock()

    def work(_: Path) -> Exit:
        nonlocal most, inside
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.01)
        with lock:
            inside -= 1
        return Exit.ROUTINE

    assert list(bounded(work, [Path(str(number)) for number in range(20)], 3)) == [Exit.ROUTINE] * 20
    assert most == 3
