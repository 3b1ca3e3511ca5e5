"""A process that was asked to follow another does not outlive it, even when that one is gone before it looks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FOLLOWER = """
import os
from nevus.lifetime import follow_parent_if_asked
follow_parent_if_asked()
print(os.environ["NEVUS_FOLLOW_PARENT"])
"""


def follow(asked: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NEVUS_FOLLOW_PARENT": asked}
    command = [sys.executable, "-c", FOLLOWER]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_one_whose_starter_is_gone_ends_at_once() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert follow(str(gone.pid)).returncode == 1


@pytest.mark.parametrize("asked", ["1", str(os.getpid())], ids=["parent", "named"])
def test_one_whose_starter_lives_goes_on_and_is_followed_itself(asked: str) -> None:
    done = follow(asked)
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_one_that_was_not_asked_goes_on() -> None:
    assert follow("0").stdout == "0\n"
