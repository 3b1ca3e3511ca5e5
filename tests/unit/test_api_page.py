"""docs/api.md has a line for every route, setting, problem type and metric, and none for what is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import ROOT

from gateway.app import create_app
from gateway.metrics import Metrics
from gateway.problems import TYPES
from gateway.settings import Settings

PAGE = (ROOT / "docs/api.md").read_text()


def lines(heading: str) -> dict[str, str]:
    """A section's table rows, by what the first column quotes."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {row[1]: row[2] for row in re.finditer(r"^\| `([^`]+)` \|(.*)$", section, re.MULTILINE)}


def same(named: Iterable[str], there: Iterable[str]) -> None:
    assert sorted(named) == sorted(there)


def test_every_route() -> None:
    paths = create_app(Settings(nevus_admin_key=None)).openapi()["paths"]
    same(lines("Routes"), (f"{method.upper()} {path}" for path, item in paths.items() for method in item))


def test_every_problem_with_its_status() -> None:
    told = lines("Errors")
    same(told, TYPES)
    for name, (status, _) in TYPES.items():
        assert told[name].startswith(f" {status} |")


def test_every_setting_with_its_default() -> None:
    told = lines("Settings")
    same(told, (name.upper() for name in Settings.model_fields))
    for name, field in Settings.model_fields.items():
        if field.default not in (None, ""):
            assert told[name.upper()].startswith(f" `{field.default}` |")


def test_every_metric() -> None:
    families = text_string_to_metric_families(Metrics().text().decode())
    counters = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    same(lines("Metrics and log"), counters)
