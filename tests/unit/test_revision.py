"""Which commit a version's manifest names, in a checkout, in an image, and where nobody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from training_job.revision import git_commit


def test_an_image_says_what_it_was_built_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEVUS_REVISION", "a" * 40)
    assert git_commit() == "a" * 40


def test_an_image_without_git_and_without_a_word_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEVUS_REVISION", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit() is None
