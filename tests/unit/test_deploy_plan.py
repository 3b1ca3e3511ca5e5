"""What deploy makes and destroy removes: printed as in the golden files, the same twice, nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from deploy.cloud.parts import FOUND, Access, Command, Place, Resource
from deploy.cloud.plan import demolition, plan
from deploy.cloud.runner import CommandFailed, Runner
from tests.conftest import ROOT

GOLDEN = ROOT / "tests/golden"
ACCESSES: tuple[Access, ...] = ("public", "iap")
WORDS = ["--project=my-project", "--region=europe-west4"]


def somewhere(access: Access = "public") -> Place:
    return Place("my-project", "europe-west4", access, number="123456789", admin="who@deploys.test")


def filled(command: Command, resource: Resource) -> list[str]:
    return [word.replace(FOUND, resource.name) for word in command.words]


class World:
    """What is there, told by the plan's own commands; any other command is a mistake of the test."""

    def __init__(self, place: Place) -> None:
        self.made: set[str] = set()
        self.new: list[str] = []
        self._plan = plan(place)

    def start(self, words: Sequence[str], _given: str, _project: str) -> tuple[int, str, str]:
        for each in self._plan:
            if each.find and list(each.find.words) == list(words):
                return (0, f"{each.name}\n", "") if each.name in self.made else (1, "", "NOT_FOUND: it is not there")
        for each in self._plan:
            for what in ("remove", "create", "update"):
                if list(words) in [filled(command, each) for command in getattr(each, what)]:
                    self._do(each.name, what)
                    return 0, "", ""
        raise AssertionError(words)

    def _do(self, name: str, what: str) -> None:
        if what == "create" and name not in self.made:
            self.new.append(name)
        if what == "create":
            self.made.add(name)
        if what == "remove":
            self.made.discard(name)

    def deploy(self, place: Place) -> None:
        runner = Runner(place, lambda _: None, self.start)
        for each in plan(place):
            runner.make(each)

    def destroy(self, place: Place, *, data: bool) -> None:
        runner = Runner(place, lambda _: None, self.start)
        for each in demolition(place, data=data):
            runner.remove(each)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("deploy.sh", ["deploy", *WORDS]),
        ("deploy-iap.sh", ["deploy", *WORDS, "--access=iap"]),
        ("destroy.sh", ["destroy", *WORDS]),
        ("destroy-data.sh", ["destroy", *WORDS, "--access=iap", "--delete-data=yes"]),
    ],
)
def test_a_dry_run_prints_what_the_golden_file_holds(file: str, words: list[str]) -> None:
    """NEVUS_GOLDEN=write writes it anew. There is no gcloud on this PATH."""
    command = [sys.executable, "-m", "deploy.cloud", *words, "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": "/none"}, capture_output=True, text=True, check=True)
    if os.environ.get("NEVUS_GOLDEN") == "write":
        (GOLDEN / file).write_text(done.stdout)
    assert done.stdout == (GOLDEN / file).read_text()
    assert subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=False).returncode == 0


@pytest.mark.parametrize("flag", ["--dry-run", "DRY_RUN=1"])
def test_make_passes_the_wish_for_a_dry_run_on(flag: str, tmp_path: Path) -> None:
    called = tmp_path / "called"
    (tmp_path / "gcloud").write_text(f"#!/bin/sh\ntouch {called}\n")
    (tmp_path / "gcloud").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "MAKEFLAGS": ""}
    command = ["make", "deploy", "PROJECT=my-project", "REGION=europe-west4", f"PYTHON={sys.executable}", flag]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert (GOLDEN / "deploy.sh").read_text() in done.stdout
    assert not called.exists()


@pytest.mark.parametrize("status", [0, 3])
def test_a_deployment_ends_with_the_build_and_as_the_build_ends(status: int, tmp_path: Path) -> None:
    """With a gcloud that knows of nothing and takes everything."""
    calls = tmp_path / "calls"
    (tmp_path / "gcloud").write_text(f'#!/bin/sh\necho "$@" >> {calls}\n[ "$1" != builds ] || exit {status}\n')
    (tmp_path / "gcloud").chmod(0o755)
    command = [sys.executable, "-m", "deploy.cloud", "deploy", *WORDS, "--number=1", "--admin=who@deploys.test"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    lines = calls.read_text().splitlines()
    assert lines[-1].startswith("builds submit . --config=deploy/cloudbuild.yaml --project=my-project")
    assert len([line for line in lines if line.startswith("iam service-accounts create")]) == 6


def test_a_refusal_ends_the_deployment_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "gcloud").write_text("#!/bin/sh\necho PERMISSION_DENIED >&2; exit 1\n")
    (tmp_path / "gcloud").chmod(0o755)
    command = [sys.executable, "-m", "deploy.cloud", "deploy", *WORDS]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("gcloud services enable")
    assert line.endswith(": PERMISSION_DENIED")


def test_make_asks_where() -> None:
    done = subprocess.run(["make", "deploy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "PROJECT=my-project REGION=europe-west4" in done.stderr


@pytest.mark.parametrize("access", ACCESSES)
def test_a_second_deployment_creates_nothing_anew(access: Access) -> None:
    place = somewhere(access)
    world = World(place)
    world.deploy(place)
    made = set(world.made)
    assert made == {each.name for each in plan(place)}
    world.new.clear()
    world.deploy(place)
    assert world.made == made
    assert world.new == ["dashboard dashboard"]  # made anew each time


@pytest.mark.parametrize("access", ACCESSES)
def test_destroy_leaves_nothing_but_what_says_so(access: Access) -> None:
    place = somewhere(access)
    world = World(place)
    world.deploy(place)
    world.destroy(place, data=True)
    left = [each for each in plan(place) if each.name in world.made]
    assert {each.name for each in left if not each.within} <= {"apis", "iap agent"}
    assert all(each.stays or each.within not in world.made for each in left)
    assert {each.within for each in left if each.within} <= {each.name for each in plan(place) if each.remove}


def test_destroy_keeps_photos_models_checkpoints_and_records_unless_asked() -> None:
    place = somewhere()
    world = World(place)
    world.deploy(place)
    world.destroy(place, data=False)
    kept = {each.name for each in plan(place) if each.name in world.made and not (each.within or each.stays)}
    buckets, keys = {"bucket photos", "bucket models", "bucket training"}, {"secret public-keys", "secret signing-key"}
    assert kept == buckets | keys | {"database nevus"}
    world.destroy(place, data=False)  # a second time finds nothing more
    world.deploy(place)
    assert world.made == {each.name for each in plan(place)}


@pytest.mark.parametrize("access", ACCESSES)
def test_what_is_named_was_made_before(access: Access) -> None:
    place, known = somewhere(access), set[str]()
    for each in plan(place):
        known.add(each.name)
        text = " ".join(word for command in (*each.create, *each.update) for word in command.words)
        for account in re.findall(r"(?:serviceAccount:|=)nevus-(\w+)@", text):
            assert f"account {account}" in known, each.name
        for role in re.findall(r"/roles/(nevus\w+)", text):
            assert f"role {role}" in known, each.name
        assert not each.within or each.within in known, each.name


def test_each_resource_says_what_it_is_for_and_has_a_name_of_its_own() -> None:
    for access in ACCESSES:
        names = [each.name for each in plan(somewhere(access))]
        assert len(set(names)) == len(names)
        assert all(each.purpose.endswith(".") for each in plan(somewhere(access)))


def test_what_cannot_be_told_is_no_reason_to_make_it() -> None:
    runner = Runner(somewhere(), lambda _: None, lambda *_: (1, "", "PERMISSION_DENIED: you may not look"))
    with pytest.raises(CommandFailed, match="you may not look"):
        runner.find(next(each for each in plan(somewhere()) if each.find))


@pytest.mark.parametrize(
    ("project", "region"), [("x", "europe-west4"), ("my-project; rm", "r"), ("my-project", "moon")]
)
def test_a_place_that_cannot_be_is_refused(project: str, region: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        Place(project, region)


@pytest.mark.parametrize(
    "admin", ["${x}$(id)@a.b", "a@b.c\nEND\nid", "a@b.c,d@e.f", "`id`@a.b", "-x@a.b ", "a@b;id", "a"]
)
def test_an_admin_that_a_shell_could_run_is_refused(admin: str) -> None:
    with pytest.raises(ValueError, match="ADMIN"):
        Place("my-project", "europe-west4", admin=admin)


@pytest.mark.parametrize("number", ["1$(id)${x}", "", "a", "1 2"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="number"):
        Place("my-project", "europe-west4", number=number)


@pytest.mark.parametrize("admin", ["who.else+x_%-@deploys.test", "o@a-b.example.co"])
def test_an_admin_has_an_address(admin: str) -> None:
    assert Place("my-project", "europe-west4", admin=admin).admin == admin
