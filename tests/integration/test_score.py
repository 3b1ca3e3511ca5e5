"""Scoring an archive: shards and their merge equal one run, a killed task goes on, bad photos are rows."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud.storage import Client
from tests.conftest import ROOT
from tests.emulators import Emulator
from tests.photos import lesion

SERVICES = (ROOT / "shared", ROOT / "services/training-job")


@pytest.fixture(scope="module", autouse=True)
def _registry(models_dir: Path) -> Iterator[None]:
    """Where `started` finds the champion."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MODELS_DIR", str(models_dir))
        yield


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """62 rows of a few photos; one file is missing, one is no photo, one is empty, one row cannot be."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(lesion((120, 90), number))
    (folder / "broken.jpg").write_bytes(b"no photo")
    (folder / "empty.jpg").write_bytes(b"")
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "modality", "age"))
        table.writerows((f"{number % 6}.jpg", ("clinical", "dermoscopic", "")[number % 3], 54) for number in range(58))
        table.writerows((f"{name}.jpg", "clinical", 54) for name in ("missing", "broken", "empty"))
        table.writerow(("1.jpg", "x-ray", 54))
    return folder


def started(folder: Path, out: str, data: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A task in a process of its own."""
    command = [sys.executable, "-m", "training_job", "score", "--data", data, "--out", out]
    settings = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, SERVICES)), "DATA_DIR": str(folder)} | environment
    return subprocess.Popen(
        [*command, "--registry", os.environ["MODELS_DIR"], *arguments],
        env=settings, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def score(folder: Path, out: str, data: str, *arguments: str, **environment: str) -> str:
    process = started(folder, out, data, *arguments, **environment)
    told, log = process.communicate()
    assert process.returncode == 0, log
    return told


def shard(index: int) -> dict[str, str]:
    return {"CLOUD_RUN_TASK_INDEX": str(index), "CLOUD_RUN_TASK_COUNT": "3"}


@pytest.fixture(scope="module")
def whole(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The scores of one task."""
    folder = tmp_path_factory.mktemp("whole")
    summary = json.loads(score(folder, "out", str(archive / "manifest.csv"), "--part", "25"))
    assert (summary["n"], summary["failures"]) == (62, 4)
    assert summary["cost_per_million"] > 0
    assert summary["model"]["version"] in {path.name for path in (ROOT / "models").glob("*/versions/*")}
    assert json.loads((folder / "out/summary.json").read_text()) == summary
    return (folder / "out/scores.csv").read_bytes()


def test_what_cannot_be_read_is_a_row_with_its_reason(whole: bytes) -> None:
    rows = list(csv.DictReader(whole.decode().splitlines()))
    assert [row["file"] for row in rows[:6]] == [f"{number}.jpg" for number in range(6)]
    assert all(0 <= float(row["probability"]) <= 1 and row["decision"] and not row["error"] for row in rows[:58])
    assert [row["error"] for row in rows[58:]] == [
        "there is no such file",
        "the photo is not a readable JPEG, PNG or WebP",
        "the photo is not a readable JPEG, PNG or WebP",
        "what the row says of the photo cannot be",
    ]
    assert not any(row["probability"] for row in rows[58:])


def test_shards_and_their_merge_equal_one_run(archive: Path, whole: bytes, tmp_path: Path) -> None:
    data = str(archive / "manifest.csv")
    told = [score(tmp_path, "out", data, "--part", "7", **shard(index)) for index in (2, 0, 1)]
    assert ["not finished" in each for each in told] == [True, True, False]
    assert (tmp_path / "out/scores.csv").read_bytes() == whole
    assert not list((tmp_path / "out/parts").rglob("*.csv"))
    (tmp_path / "out/scores.csv").unlink()
    assert json.loads(score(tmp_path, "out", data, "--merge"))["n"] == 62
    assert (tmp_path / "out/scores.csv").read_bytes() == whole


def test_a_killed_task_goes_on_after_its_last_part(archive: Path, whole: bytes, tmp_path: Path) -> None:
    data = str(archive / "manifest.csv")
    first = started(tmp_path, "out", data, "--part", "2")
    parts = tmp_path / "out/parts/shard-00000-of-00001"
    end = time.monotonic() + 60
    while not (parts / "0000002.csv").exists() and time.monotonic() < end:
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.csv")}
    assert 3 <= len(kept) < 31
    score(tmp_path, "out", data, "--part", "2")
    facts = json.loads((tmp_path / "out/shard-00000-of-00001.json").read_text())
    assert facts["scored"] == 62 - 2 * len(kept)
    assert (tmp_path / "out/scores.csv").read_bytes() == whole


def test_other_data_does_not_mix_with_a_finished_scoring(archive: Path, tmp_path: Path) -> None:
    data = tmp_path / "manifest.csv"
    data.write_text(f"file\n{archive / '1.jpg'}\n")
    score(tmp_path, "out", str(data))
    data.write_text(f"file\n{archive / '1.jpg'}\n{archive / '2.jpg'}\n")
    again = started(tmp_path, "out", str(data))
    told = again.communicate()[1]
    assert again.returncode == 1
    assert "holds the scores of other data" in told
    assert "Traceback" not in told


def test_more_tasks_than_a_merge_can_read_at_once_are_refused(archive: Path, tmp_path: Path) -> None:
    task = started(tmp_path, "out", str(archive / "manifest.csv"), CLOUD_RUN_TASK_COUNT="501")
    assert "less than or equal to 500" in task.communicate()[1]
    assert task.returncode == 1
    assert not (tmp_path / "out").exists()


def test_shards_in_cloud_storage_equal_one_run(
    archive: Path, whole: bytes, gcs: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    client = Client(project="test")
    bucket = client.create_bucket("archive")
    for path in archive.iterdir():
        bucket.blob(f"of/2026/{path.name}").upload_from_filename(path)
    data, out = "gs://archive/of/2026/manifest.csv", "gs://archive/scores/1"
    tasks = [started(tmp_path, out, data, "--part", "7", **shard(index)) for index in (0, 1, 2)]
    for task in tasks:
        log = task.communicate()[1]
        assert task.returncode == 0, log
        lines = [json.loads(line) for line in log.splitlines() if line[0] == "{"]
        assert [line["message"] for line in lines if line["severity"] == "INFO"] == ["shard finished"], log
    assert bucket.blob("scores/1/scores.csv").download_as_bytes() == whole
    names = {blob.name.removeprefix("scores/1/") for blob in bucket.list_blobs(prefix="scores/1/")}
    assert names == {"score.json", "scores.csv", "summary.json"} | {
        f"shard-0000{index}-of-00003.{kind}" for index in range(3) for kind in ("csv", "json")
    }
    client.close()
