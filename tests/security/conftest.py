"""Doors that the matrix and the strangers share, one of each kind of identity a module."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from tests.security.door import Door, open_door

from gateway.settings import Settings


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def door(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(settings(models_dir, tmp_path_factory.mktemp("data"))) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def oidc_door(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(settings(models_dir, tmp_path_factory.mktemp("oidc"), identity="oidc")) as opened:
        yield opened


def settings(models_dir: Path, data: Path, identity: Literal["keys", "oidc"] = "keys") -> Settings:
    shutil.copytree(models_dir, data / "models", ignore=shutil.ignore_patterns("*.keras"))
    base = Settings(data_dir=data, models_dir=None, nevus_admin_key=None, intake_workers=1)
    return base.model_copy(update={"identity": identity})
