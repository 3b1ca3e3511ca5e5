"""Whatever changes something is on the audit log, or stands here with the reason why it is not."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.security.door import Door, open_door
from tests.security.test_matrix import OWN_PAGE, ROWS, SCHEDULED, ask
from typer.main import get_command

from gateway.admin import app
from gateway.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

SILENT = {
    ("POST", "/v1/predictions"): "the path of a photo: the record itself says who sent it, when, and what came of it",
    ("POST", "/results"): "the same from a page",
    ("POST", "/batch"): "the same of many photos",
    ("POST", "/v1/uploads"): "a signed URL; what is sent there becomes a prediction or is dropped within a day",
    ("PUT", "/v1/uploads/content"): "the same",
    ("POST", "/sign-out"): "takes nothing from anyone but the one who asks",
    ("POST", "/language"): "a cookie of the browser that asks",
    SCHEDULED: "finishes what others have begun; ends of training runs that it notices have entries",
}
ACTIONS = {
    ("POST", "/sign-in"): ["session.begin"],
    ("POST", "/results/{record_id}/delete"): ["erase"],
    ("POST", "/results/{record_id}/spot"): ["case.set"],
    ("POST", "/results/{record_id}/training"): ["consent.withdraw"],
    ("POST", "/spots/{case_id}/delete"): ["erase"],
    ("DELETE", "/v1/predictions/{record_id}"): ["erase"],
    ("PUT", "/v1/predictions/{record_id}/diagnosis"): ["diagnose"],
    ("POST", "/worklist/{record_id}/diagnosis"): ["diagnose"],
    ("POST", "/v1/training-runs"): ["train"],
    ("PUT", "/v1/channels/{channel}"): ["promote"],
    ("DELETE", "/v1/channels/canary"): ["canary-end"],
    ("POST", "/v1/audit/verification"): ["verify"],
    ("POST", "/admin/audit/verification"): ["verify"],
    ("POST", "/admin/models/channels/{channel}"): ["promote"],
    ("POST", "/admin/models/canary/end"): ["canary-end"],
    ("POST", "/admin/training"): ["train"],
    ("POST", "/admin/people/keys"): ["key.create"],
    ("POST", "/admin/people/keys/{key_id}/revoke"): ["key.revoke"],
    ("POST", "/admin/people/invitations"): ["invite.create"],
    ("POST", "/admin/people/sessions/end"): ["sessions.end"],
}
ENDED = dict.fromkeys(
    (("POST", "/v1/training-runs/{run_id}/cancel"), ("POST", "/admin/training/{run_id}/cancel")),
    "the run has ended here: test_retrain.py cancels one that runs",
)
EACH = {
    ("POST", "/data/delete"): "an `erase` for each record: test_own_data.py; who has none asks here",
    ("POST", "/data/training"): "a `consent.withdraw` for each record with consent, as above",
}
WRITERS, READERS = {"invite", "create-key", "revoke-key", "sign-out", "verify"}, {"list-keys"}
WRITING = [route for route in ROWS if route[0] != "GET"]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def door(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    data = tmp_path_factory.mktemp("data")
    shutil.copytree(models_dir, data / "models", ignore=shutil.ignore_patterns("*.keras"))
    settings = Settings(data_dir=data, models_dir=None, nevus_admin_key=None, intake_workers=1, reconcile="request")
    async with open_door(settings) as opened:
        yield opened


async def test_every_route_that_writes_is_one_or_the_other() -> None:
    assert set(WRITING) == SILENT.keys() | ACTIONS.keys() | ENDED.keys() | EACH.keys()
    assert not SILENT.keys() & ACTIONS.keys()


@pytest.mark.parametrize("route", WRITING, ids=" ".join)
async def test_a_route_that_writes_has_its_entry(door: Door, route: tuple[str, str]) -> None:
    owners = ROWS[route].answers.endswith("404")
    credentials = await door.credentials("other" if route in EACH else "owner" if owners else "admin", "key")
    before = (await door.services.records.audit_head()).sequence
    answer = await ask(door, route, OWN_PAGE | credentials)
    assert answer.status_code < 400 or route == SCHEDULED, answer.text
    entries = await door.services.records.audit_log(limit=100)
    new = [entry.action for entry in reversed(entries) if entry.sequence > before and entry.action != "train.end"]
    assert new == ACTIONS.get(route, [])


async def test_every_command_writes_or_only_shows() -> None:
    """What each writes is in test_admin.py."""
    assert set(getattr(get_command(app), "commands", {})) == WRITERS | READERS
