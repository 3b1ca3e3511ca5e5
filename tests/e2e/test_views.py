"""A model of four views answers a turned photo as it answers the photo; a model of one view does not."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from tests.conftest import ROOT
from tests.e2e.test_training import PYTHON

TURNS = ("turn_1", "turn_2", "turn_3")


@pytest.mark.timeout(180)
def test_quarter_turns_change_nothing() -> None:
    told = subprocess.run(
        [str(PYTHON), "tests/views_check.py"],
        cwd=ROOT, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, text=True, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    found = json.loads(told.stdout.splitlines()[-1])
    for name, averaged in ((name, found["4"][name]) for name in TURNS):
        assert all(each < 1e-4 for each in averaged.values()), name
        assert all(found["1"][name][output] > 100 * each for output, each in averaged.items()), name
    assert found["4"]["mirrored"]["logit"] > 1e-3
    assert all(found[views]["keras"] < 1e-4 for views in "14")
