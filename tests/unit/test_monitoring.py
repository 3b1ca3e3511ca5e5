"""Alerts, the dashboard and their metrics: files that hold together, and log lines that the code does write."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from deploy.cloud.monitoring import FOLDER
from tests.conftest import ROOT

FILES = sorted(FOLDER.glob("*.json"))
GOOGLES = {
    "run.googleapis.com/container/cpu/utilizations",
    "run.googleapis.com/container/instance_count",
    "run.googleapis.com/container/memory/utilizations",
    "run.googleapis.com/container/startup_latencies",
    "run.googleapis.com/job/completed_execution_count",
    "run.googleapis.com/request_count",
    "run.googleapis.com/request_latencies",
    "firestore.googleapis.com/document/read_ops_count",
    "firestore.googleapis.com/document/write_ops_count",
    "storage.googleapis.com/api/request_count",
}


def filters(node: Any) -> list[str]:
    """All filters in a file."""
    if isinstance(node, dict):
        own = [value for key, value in node.items() if key.lower().endswith("filter") and isinstance(value, str)]
        return own + [found for value in node.values() for found in filters(value)]
    return [found for each in node for found in filters(each)] if isinstance(node, list) else []


def ours() -> dict[str, str]:
    """Log-based metrics by name, with their filters."""
    return {m["name"]: m["filter"] for m in (json.loads(f.read_text()) for f in FOLDER.glob("metric-*.json"))}


@pytest.mark.parametrize("file", [f for f in FILES if not f.stem.startswith("metric")], ids=lambda file: file.stem)
def test_every_filter_reads_a_metric_that_is_there(file: Path) -> None:
    found = filters(json.loads(file.read_text()))
    assert found
    for text in found:
        name = re.findall(r'metric\.type="([^"]+)"', text)[0]
        assert name.removeprefix("logging.googleapis.com/user/") in ours() or name in GOOGLES, name
        assert re.search(r'resource\.type ?= ?"', text), text


def test_every_metric_of_ours_is_read_by_an_alert() -> None:
    text = "".join(file.read_text() for file in FOLDER.glob("alert-*.json"))
    assert all(f"user/{name}" in text for name in ours())


@pytest.mark.parametrize("file", sorted(FOLDER.glob("alert-*.json")), ids=lambda file: file.stem)
def test_an_alert_says_what_to_do(file: Path) -> None:
    alert = json.loads(file.read_text())
    assert alert["displayName"].startswith("Nevus: ")
    assert len(alert["documentation"]["content"]) > 100
    assert alert["conditions"]
    for route in re.findall(r"`(?:GET|PUT|POST) (/\S+)`", alert["documentation"]["content"]):
        assert route in (ROOT / "docs/api.md").read_text()
    for setting in re.findall(r"`([A-Z_]{5,})`", alert["documentation"]["content"]):
        assert f"`{setting}`" in (ROOT / "docs/api.md").read_text()


def test_log_lines_that_are_counted_are_written() -> None:
    written = "".join(file.read_text() for file in (ROOT / "services").rglob("*.py"))
    for text in ours().values():
        for pattern in re.findall(r'message=~"\^\(([^)]+)\)', text):
            assert all(f'"{line}' in written for line in pattern.split("|")), pattern


def test_titles_differ_since_things_are_found_by_them() -> None:
    titles = [json.loads(file.read_text()).get("displayName", file.stem) for file in FILES]
    assert len(set(titles)) == len(titles)


def test_tiles_of_the_dashboard_do_not_overlap() -> None:
    tiles = json.loads((FOLDER / "dashboard.json").read_text())["mosaicLayout"]["tiles"]
    assert len({(tile["xPos"], tile["yPos"]) for tile in tiles}) == len(tiles)
