"""What `make audit` passes over is argued, and not for ever; what it asks for is every lock."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.conftest import ROOT

import audit

TODAY = date(2026, 11, 24)
ENTRY = {
    "id": '"CVE-2026-00001"',
    "package": '"jinja2"',
    "reason": '"In a filter that no template of ours uses."',
    "until": "2026-12-31",
}


def stated(folder: Path, **changed: str | None) -> list[str]:
    """The advisories that are passed over with one exception."""
    lines = [f"{name} = {value}" for name, value in (ENTRY | changed).items() if value is not None]
    (folder / "audit.toml").write_text("\n".join(["[[exception]]", *lines]))
    (folder / "gateway.txt").write_text("jinja2==3.1.6 \\\n    --hash=sha256:0\n")
    return audit.exceptions(folder, TODAY)


def test_one_that_is_argued_is_passed_over(tmp_path: Path) -> None:
    passed_over = stated(tmp_path)
    assert passed_over == ["CVE-2026-00001"]
    assert "--ignore-vuln=CVE-2026-00001" in audit.command(tmp_path, passed_over)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reason": None}, "an exception has id, package, reason, until"),
        ({"reason": '"no"'}, "a reason in words"),
        ({"until": '"later"'}, "an exception has"),
        ({"until": "2026-11-23"}, "look at it again"),
        ({"package": '"flask"'}, "no lock has flask"),
        ({"more": "1"}, "an exception has"),
    ],
)
def test_any_other_is_not(tmp_path: Path, changed: dict[str, str | None], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stated(tmp_path, **changed)


def test_those_of_this_house_hold_in_form() -> None:
    assert audit.exceptions(ROOT / "requirements", date(2000, 1, 1)) == []


def test_every_lock_is_asked_for_and_nothing_goes_unseen() -> None:
    asked = audit.command(ROOT / "requirements", [])
    names = {Path(word.partition("=")[2]).stem for word in asked if word.startswith("--requirement=")}
    assert names == {"client", "dev", "gateway", "inference", "training"}
    assert "--strict" in asked
