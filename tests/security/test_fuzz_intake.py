"""Mutated photos: each is decoded or refused by a known problem, by a process that lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from tests.security.corpus import MARK
from tests.security.decoder import Decoder, decoder
from tests.security.hostile_files import only_pixels
from tests.security.mutations import FILES, valid

from gateway.intake_worker import Clean
from gateway.problems import TYPES

USUAL = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
TORTURE = 5000  # files; NEVUS_FUZZ asks for another number


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decoder]:
    with decoder(tmp_path_factory.mktemp("fuzz")) as started:
        yield started


def holds(made: Decoder, data: bytes) -> None:
    """A process may end itself when its time is over, and in no other way."""
    before, answer = len(made.ends), made.clean(data + MARK)
    if answer is None:
        assert made.ends[before:] == [-signal.SIGPROF]
    elif isinstance(answer, Clean):
        assert only_pixels(answer.jpeg)
        assert max(answer.width, answer.height) <= 1024
    else:
        assert TYPES[answer.problem][0] in {413, 415, 422}


def test_the_files_that_are_mutated_are_good_ones(made: Decoder) -> None:
    answers = [made.clean(data) for data in valid()]
    assert [isinstance(answer, Clean) for answer in answers] == [True] * 6 + [False, True, True, False, True]


def test_mutated_photos(made: Decoder) -> None:
    @seed(1)
    @settings(USUAL, max_examples=100, phases=[Phase.explicit, Phase.generate])
    @given(FILES)
    @example(b"")
    def fuzz(data: bytes) -> None:
        holds(made, data)

    fuzz()


@pytest.mark.torture
@pytest.mark.parametrize("number", range(4))
def test_thousands_of_mutated_photos(made: Decoder, number: int) -> None:
    @seed(100 + number)
    @settings(USUAL, max_examples=int(os.environ.get("NEVUS_FUZZ", TORTURE)))
    @given(FILES)
    def fuzz(data: bytes) -> None:
        holds(made, data)

    fuzz()


@pytest.mark.torture
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not here: pip install atheris")
def test_photos_that_grow_by_coverage(tmp_path: Path) -> None:
    for number, data in enumerate(valid()):
        (tmp_path / str(number)).write_bytes(data)
    runs = os.environ.get("NEVUS_FUZZ", "50000")
    options = [f"-runs={runs}", "-seed=1", "-max_len=20000", "-rss_limit_mb=2048", "-timeout=20"]
    command = [sys.executable, "-m", "tests.security.fuzz_intake", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
