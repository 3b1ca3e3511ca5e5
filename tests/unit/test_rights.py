"""Who may do what on Google Cloud: as little as the code needs, no more and no less."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from deploy.cloud.parts import Place
from deploy.cloud.plan import plan
from deploy.cloud.rights import EVERYONE, IAP, TABLE, Grant, condition_of, member_of, read_rights
from tests.conftest import ROOT

RIGHTS = read_rights()
NEEDS = tomllib.loads((ROOT / "deploy/permissions.toml").read_text())["calls"]
PLACES = {access: Place("my-project", "europe-west4", access, number="123456789") for access in ("public", "iap")}
SOURCES = (ROOT, ROOT / "shared", *(ROOT / "services" / name for name in ("gateway", "inference", "training-job")))
SIX = {"gateway", "inference", "training", "promoter", "scheduler", "build"}
PERMISSION = re.compile(r"[a-z]+\.[A-Za-z]+\.[A-Za-z]+")
APIS = {"storage", "datastore", "run", "iam", "secretmanager", "artifactregistry", "ondemandscanning", "logging"}
ids = [f"{grant.identity} {grant.role} {grant.on} {grant.access or ''}".strip() for grant in RIGHTS.grants]


def called(grant: Grant) -> list[str]:
    """Names of the calls in permissions.toml that a grant is for."""
    return [call.partition(" -> ")[2] or call for call in grant.calls]


def without(name: str) -> set[str]:
    """What permissions.toml says of a call."""
    return set(NEEDS[name]["needs"])


def test_there_are_six_identities_and_each_has_a_right() -> None:
    assert set(RIGHTS.identities) == SIX
    assert {grant.identity for grant in RIGHTS.grants} == SIX | {EVERYONE, IAP}


@pytest.mark.parametrize("grant", RIGHTS.grants, ids=ids)
def test_a_role_holds_what_its_calls_need_and_nothing_else(grant: Grant) -> None:
    if grant.identity in {EVERYONE, IAP}:
        assert (grant.role, grant.on) == ("roles/run.invoker", "service:gateway")
        return
    assert set(RIGHTS.roles[grant.role].permissions) == set().union(*map(without, called(grant)))


def test_every_role_and_every_call_is_used() -> None:
    assert {grant.role for grant in RIGHTS.grants} - {"roles/run.invoker"} == set(RIGHTS.roles)
    assert {name for grant in RIGHTS.grants if grant.identity in SIX for name in called(grant)} == set(NEEDS)


def test_permissions_are_of_the_kind_that_roles_of_a_project_hold() -> None:
    for name, role in RIGHTS.roles.items():
        for permission in role.permissions:
            assert PERMISSION.fullmatch(permission), (name, permission)
            assert permission.split(".")[0] in APIS
            assert not re.search(r"[sg]etIamPolicy|\.\*|serviceAccountKeys|implicitDelegation", permission)
        assert list(role.permissions) == sorted(role.permissions)


@pytest.mark.parametrize("access", ["public", "iap"])
def test_nothing_broad_is_granted(access: str) -> None:
    text = "\n".join(word for each in plan(PLACES[access]) for c in (*each.create, *each.update) for word in c.words)
    assert not re.search(r"roles/(owner|editor|viewer|browser)\b|roles/\w+\.(admin|editor|owner)", text)
    assert not re.search(r"-compute@developer|@cloudbuild\.gserviceaccount|@appspot\.gserviceaccount", text)
    assert "allAuthenticatedUsers" not in text
    assert "keys create" not in text
    predefined = {"roles/run.invoker"} | ({"roles/iap.httpsResourceAccessor"} if access == "iap" else set())
    assert set(re.findall(r"roles/[a-z]\w*\.\w+", text)) == predefined


def test_everyone_may_call_the_gateway_alone_and_only_when_it_is_public() -> None:
    for access, place in PLACES.items():
        made = [command.words for each in plan(place) for command in (*each.create, *each.update)]
        added = [words for words in made if "--member=allUsers" in words and "add-iam-policy-binding" in words]
        assert [words[3] for words in added] == (["nevus-gateway"] if access == "public" else [])
        open_to_all = [grant.on for grant in RIGHTS.granted(place.access) if member_of(grant, place) == "allUsers"]
        assert open_to_all == (["service:gateway"] if access == "public" else [])
    assert "allUsers" not in TABLE.read_text()


def test_a_door_that_was_open_is_closed_again_behind_iap() -> None:
    commands = [command.words for each in plan(PLACES["iap"]) for command in (*each.create, *each.update)]
    assert [words[2] for words in commands if "--member=allUsers" in words] == ["remove-iam-policy-binding"]


@pytest.mark.parametrize("file", sorted((ROOT / "deploy/cloud").glob("*.yaml")), ids=lambda file: file.stem)
def test_everything_runs_as_one_of_the_six(file: Path) -> None:
    assert re.findall(r"serviceAccountName: (.*)", file.read_text()) == ["${ACCOUNT}"]
    assert "invoker-iam-disabled" not in file.read_text().replace('invoker-iam-disabled: "${JUDGES_ITSELF}"', "")


def test_who_may_act_as_whom() -> None:
    acting = {(g.identity, g.role, g.target) for g in RIGHTS.grants if g.kind == "account"}
    assert acting == {
        ("gateway", "nevusSigner", "gateway"),
        ("gateway", "nevusImpersonator", "promoter"),
        ("build", "nevusAppointer", "gateway"),
        ("build", "nevusAppointer", "inference"),
        ("build", "nevusAppointer", "training"),
    }


def objects(grant: Grant, key: str) -> bool:
    """Whether a bucket's grant reaches an object, by its condition."""
    bucket = PLACES["public"].bucket(grant.target)
    name, condition = f"projects/_/buckets/{bucket}/objects/{key}", condition_of(grant, PLACES["public"])
    return not condition or holds(condition, name)


def holds(condition: str, name: str) -> bool:
    """Whether a condition is true of a resource's name."""
    for word, join in ((" || ", any), (" && ", all)):
        if word in condition:
            return join(holds(part, name) for part in condition.split(word))
    if found := re.fullmatch(r'(!?)resource\.name\.startsWith\("(.*)"\)', condition):
        return name.startswith(found[2]) != bool(found[1])
    if found := re.fullmatch(r'resource\.name == "(.*)"', condition):
        return name == found[1]
    found = re.fullmatch(r'resource\.name\.extract\("(.*)\{name\}(.*)"\) != ""', condition)
    assert found, condition
    return bool(re.search(re.escape(found[1]) + ".+?" + re.escape(found[2]), name))


def writers(bucket: str, key: str) -> set[tuple[str, str]]:
    """Who may create, and who may delete, an object."""
    return {
        (grant.identity, permission.rpartition(".")[2])
        for grant in RIGHTS.grants
        if grant.on == f"bucket:{bucket}" and objects(grant, key)
        for permission in RIGHTS.roles[grant.role].permissions
        if permission in {"storage.objects.create", "storage.objects.delete"}
    }


def test_only_the_promoter_moves_champion_and_canary() -> None:
    for channel in ("champion", "canary"):
        assert {who for who, _ in writers("models", f"channels/{channel}.json")} == {"promoter"}
    assert {who for who, _ in writers("models", "channels/challenger.json")} == {"promoter", "training"}
    assert not writers("models", "mobilenet_v2/other")


@pytest.mark.parametrize(
    "key",
    [
        "channels/versions/1/manifest.json",  # would be version 1 of a model of that name
        "channels/champion.json/versions/1/manifest.json",
        "channels/other.json",
        "channels/challenger.json.json",
        "channels/",
    ],
)
def test_nobody_passes_a_version_off_as_a_channel(key: str) -> None:
    assert not writers("models", key)


def test_a_version_is_written_by_training_and_never_replaced() -> None:
    assert writers("models", "mobilenet_v2/versions/1/model.tflite") == {("training", "create")}


def test_a_verdict_is_written_by_training_and_never_replaced() -> None:
    assert writers("models", "verdicts/a-b.json") == {("training", "create")}


def test_photos_are_the_gateways_and_training_sees_none_in_quarantine() -> None:
    for key in ("a.jpg", "quarantine/b"):
        assert {who for who, _ in writers("photos", key)} == {"gateway"}
    reading = next(g for g in RIGHTS.grants if (g.identity, g.on) == ("training", "bucket:photos"))
    assert objects(reading, "a.jpg")
    assert not objects(reading, "quarantine/b")
    assert {g.on for g in RIGHTS.grants if g.identity == "inference"} == {"bucket:models", "secret:public-keys"}


def test_training_alone_can_sign() -> None:
    assert {g.identity for g in RIGHTS.grants if g.on == "secret:signing-key"} == {"training"}


def test_rights_on_the_project_are_bounded_or_those_of_a_build() -> None:
    for grant in RIGHTS.grants:
        if grant.kind == "project" and grant.role != "nevusBuilder":
            assert 'resource.name == "projects/my-project/databases/nevus"' in condition_of(grant, PLACES["public"])


# The code that a grant names


@cache
def source_of(module: str) -> tuple[ast.Module, str]:
    path = Path(*module.split("."))
    for folder in SOURCES:
        for file in (folder / path.with_suffix(".py"), folder / path / "__init__.py"):
            if file.is_file():
                return ast.parse(file.read_text()), file.read_text()
    raise AssertionError(f"there is no module {module}")


def function_of(name: str) -> ast.AST:
    """The function or method that `module:Class.method` names."""
    module, _, qualified = name.partition(":")
    node: ast.AST = source_of(module)[0]
    for part in qualified.split("."):
        node = next((each for each in ast.iter_child_nodes(node) if getattr(each, "name", "") == part), ast.Pass())
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef), f"there is no function {name}"
    return node


def makes(function: ast.AST, call: str) -> bool:
    """Whether a function calls `store.method`, whatever the store hangs on, or the plain function."""
    spoken = [ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(name == call or name.replace("._", ".").endswith(f".{call}") for name in spoken)


@pytest.mark.parametrize("grant", RIGHTS.grants, ids=ids)
def test_the_code_that_a_grant_names_is_there_and_makes_the_call(grant: Grant) -> None:
    assert grant.calls
    for call in grant.calls:
        where, _, what = call.partition(" -> ")
        file, _, word = where.partition(":")
        if (ROOT / file).is_file():
            assert re.search(rf"\b{re.escape(word)}\b", (ROOT / file).read_text()), call
        else:
            function = function_of(where)
            assert not what or makes(function, what), call


@pytest.mark.parametrize("name", [name for name in NEEDS if "by" in NEEDS[name]])
def test_the_adapter_that_makes_a_call_is_there(name: str) -> None:
    function_of(NEEDS[name]["by"])


def test_a_grant_without_code_is_found() -> None:
    assert not makes(function_of("gateway.lookup:find"), "photos.put")
    with pytest.raises(AssertionError):
        function_of("gateway.lookup:nobody")


def test_no_release_has_to_open_a_service_to_all() -> None:
    """Turning Cloud Run's own check off takes the right to set policies, so the deployment does, before any build."""
    commands = [command.words for each in plan(PLACES["iap"]) for command in (*each.create, *each.update)]
    opened = [words for words in commands if "--no-invoker-iam-check" in words]
    assert [words[:3] for words in opened] == [("run", "deploy", "nevus-reconciler"), ("run", "services", "update")]
    assert not [w for each in plan(PLACES["public"]) for c in each.create for w in c.words if "invoker-iam" in w]
