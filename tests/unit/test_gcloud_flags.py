"""Every gcloud command that a deployment or a release runs is one that gcloud knows, with flags that it has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from deploy.cloud import release
from deploy.cloud.build import submission
from deploy.cloud.definitions import Images, job
from deploy.cloud.parts import Access, Command, Place
from deploy.cloud.plan import plan
from deploy.cloud.runner import Runner
from tests.conftest import ROOT, lacking

CLOUDBUILD = ROOT / "deploy/cloudbuild.yaml"
WIDE = {"--format", "--project", "--quiet", "--filter"}
ACCESSES: tuple[Access, ...] = ("public", "iap")


def commands() -> Iterator[Command]:
    """Of a deployment, its removal and a release."""
    for access in ACCESSES:
        place = Place("my-project", "europe-west4", access, number="123456789", admin="who@deploys.test")
        for each in plan(place):
            yield from (*((each.find,) if each.find else ()), *each.create, *each.update, *each.remove)
        yield submission(place)
        yield from released(place)
    for line in re.findall(r"gcloud (artifacts .*?)[|>)]", CLOUDBUILD.read_text().replace("\\\n", "")):
        yield Command(tuple(line.split()))


def released(place: Place) -> Iterator[Command]:
    """What a release calls, and what one calls that fails at its end."""
    calls: list[Command] = []

    def start(words: Sequence[str], given: str, _: str) -> tuple[int, str, str]:
        calls.append(Command(tuple(words), given))
        status = {"url": "", "traffic": [{"revisionName": "old", "percent": 100}, {"tag": "candidate", "url": ""}]}
        answer = job(place, images, "training") if "--format=export" in words else json.dumps({"status": status})
        return int("nevus-score" in given), answer, ""

    images = Images(*[f"images/{name}@sha256:{'0' * 64}" for name in "git"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "smoke", lambda *_: None)
        assert not release.Release(Runner(place, lambda _: None, start), images, "b2", release.Pace(0, 0)).run()
    yield from calls


@cache
def tree() -> dict[str, Any]:
    """Gcloud's own table of its commands and flags, which its completion reads."""
    program = shutil.which("gcloud")
    if not program:
        lacking("gcloud")
    file = Path(str(program)).resolve().parents[1] / "data/cli/gcloud_completions.py"
    if not file.is_file():
        lacking("gcloud", "its table of completions is not installed")
    scope: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)  # noqa: S102 - a literal, of an installed program
    found: dict[str, Any] = scope["STATIC_COMPLETION_CLI_TREE"]
    return found


def path_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """The command that the words begin with."""
    node, path = tree(), []
    for word in words:
        if word not in node["commands"]:
            break
        node = node["commands"][word]
        path.append(word)
    assert not node["commands"], f"gcloud knows no command {' '.join(words[:5])}"
    return tuple(path)


def used() -> dict[tuple[str, ...], set[str]]:
    """The flags by command."""
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for command in commands():
        flags = {word.partition("=")[0] for word in command.words if word.startswith("--")}
        found[path_of(command.words)] |= flags - WIDE
    return found


def test_gcloud_knows_every_command_and_flag() -> None:
    assert len(used()) > 40
    for path, flags in used().items():
        node, known = tree(), set()
        for word in path:
            node = node["commands"][word]
            known |= set(node["flags"])
        known |= {flag.replace("--", "--no-", 1) for flag in known}
        assert flags <= known, (path, flags - known)


@pytest.mark.torture
def test_each_flag_is_in_the_commands_help() -> None:
    """The same from `gcloud … --help`: a minute."""

    def said(path: tuple[str, ...]) -> str:
        done = subprocess.run(["gcloud", *path, "--help"], capture_output=True, text=True, check=True)
        return re.sub(r"\x1b\[\d*m", "", done.stdout).replace("[no-]", "")

    with ThreadPoolExecutor(2) as pool:
        for (path, flags), text in zip(used().items(), pool.map(said, used()), strict=True):
            words = {word.replace("--no-", "--") for word in re.findall(r"--[\w-]+", text)}
            assert {flag.replace("--no-", "--") for flag in flags} <= words, path


@pytest.mark.torture
def test_gcloud_takes_every_command_as_far_as_it_can_without_an_account(tmp_path: Path) -> None:
    """Flags, their values and the files they name are read before that. No account, no network: minutes."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSDK")}
    alone |= {"CLOUDSDK_CONFIG": str(tmp_path), "CLOUDSDK_CORE_PROJECT": "my-project", "CLOUDSDK_PROXY_TYPE": "http"}
    alone |= {"CLOUDSDK_PROXY_ADDRESS": "127.0.0.1", "CLOUDSDK_PROXY_PORT": "9", "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}

    def refused(command: Command) -> str:
        words = [word.replace("${found}", "projects/my-project/alertPolicies/1") for word in command.words]
        done = subprocess.run(
            ["gcloud", *words], input=command.given, env=alone, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return "" if "active account" in done.stderr else f"{' '.join(words)}: {done.stderr}"

    once = {command.words: command for command in commands() if command.words[0] != "artifacts"}
    with ThreadPoolExecutor(2) as pool:
        assert not [text for text in pool.map(refused, once.values()) if text]


@pytest.mark.parametrize("access", ACCESSES)
def test_no_word_is_one_that_a_flag_must_name(access: Access) -> None:
    """Values stand beside their flag, so that none is taken for something else."""
    for each in plan(Place("my-project", "europe-west4", access)):
        for command in (*each.create, *each.update, *each.remove):
            assert all("=" in word or word in BARE for word in command.words if word.startswith("--")), command.words


BARE = {
    "--async",
    "--clear-soft-delete",
    "--delete-protection",
    "--disable-indexes",
    "--enable-private-ip-google-access",
    "--enable-ttl",
    "--immutable-tags",
    "--no-allow-unauthenticated",
    "--no-invoker-iam-check",
    "--no-clobber",
    "--no-delete-protection",
    "--no-versioning",
    "--public-access-prevention",
    "--recursive",
    "--all-versions",
    "--uniform-bucket-level-access",
    "--versioning",
}
