"""Every backbone of the table, and one of Keras' own that folds only in part, by the training job's interpreter."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from tests.conftest import ROOT
from tests.e2e.test_training import PYTHON

NAMES = ("mobilenet_v2", "inception_v3", "efficientnet_lite1", "DenseNet121")


@pytest.mark.timeout(280)
def test_a_folded_network_says_the_same() -> None:
    command = [str(PYTHON), "tests/backbones_check.py", *NAMES]
    told = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, text=True, check=True, stdout=subprocess.PIPE
    )
    found = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    assert [each["backbone"] for each in found] == list(NAMES)
    for each in found:
        assert each["difference"] < 1e-4 * each["spread"]
    assert [each["norms"] for each in found][:3] == [0, 0, 0]
    assert 0 < found[3]["norms"] < 121  # a norm before its convolution stays
