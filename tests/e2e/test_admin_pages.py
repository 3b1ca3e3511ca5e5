"""The admin's pages in a real browser: promote, overrule, roll back, train, make and revoke a key, verify the log."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, ViewportSize, expect
from tests.e2e.pages import DESKTOP, NARROWEST, PHONE, Stage, axe
from tests.gateway_process import gateway
from tests.integration.test_channels import add_version
from tests.integration.test_retraining import COMMAND
from tests.verdicts import verdict

from gateway.monitor import REPORT, Report
from gateway.stats_example import REPORT_EXAMPLE
from nevus.adapters.file_photos import FilePhotos
from nevus.adapters.files import FileStore
from nevus.registry import Channel, Registry

pytestmark = pytest.mark.asyncio(loop_scope="session")
FULL = {
    "overview": "/admin",
    "models": "/admin/models",
    "model": "/admin/models/better",
    "compare": "/admin/models/compare?first=better&second=worse",
    "drift": "/admin/drift",
    "people": "/admin/people",
    "audit": "/admin/audit",
}
BOTH = pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
REASON = "It reads photos of the new camera, which the champion cannot."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(stage: Stage, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A gateway with three versions, drift, and a made-up training job; where inference should be nothing listens."""
    folder = tmp_path_factory.mktemp("office")
    models, plan = folder / "models", folder / "plan"
    shutil.copytree(models_dir, models, ignore=shutil.ignore_patterns("*.keras"))
    (source,) = models.glob("*/versions/*")
    registry = Registry(FileStore(models))
    champion = await registry.resolve(Channel.CHAMPION)
    for name, passed in (("better", True), ("worse", False)):
        add_version(source.parent, source.name, name)
        await registry.record_verdict(verdict(champion, await registry.by_version(name), passed=passed))
    await FilePhotos(folder / "data/photos").put(REPORT, drift(champion.version))
    plan.write_text("long")
    settings = {"TRAINING_DATA": plan, "TRAINING_COMMAND": COMMAND, "INTAKE_WORKERS": 1}
    with gateway(models, folder, "http://127.0.0.1:9", **settings) as door:
        door.wait_for("/healthz")
        yield Stage(door, stage.browser)


def drift(version: str) -> bytes:
    """A report of two weeks in which photos have become darker."""
    (known,) = REPORT_EXAMPLE["drift"]
    (outcome,) = REPORT_EXAMPLE["outcomes"]
    weeks: list[dict[str, Any]] = [{**known, "version": version, "week": f"2026-W0{week}"} for week in (6, 5)]
    told = {"drift": [{**weeks[0], "week": None}, *weeks], "outcomes": [{**outcome, "version": version}]}
    return Report.model_validate(REPORT_EXAMPLE | told | {"as_of": datetime.now(UTC)}).model_dump_json().encode()


def accept(page: Page) -> None:
    """Whatever a form asks is meant."""
    page.on("dialog", lambda dialog: dialog.accept())


def status(office: Stage, secret: str) -> int:
    """What whoever holds this key is answered."""
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{office.nevus.url}/v1/predictions", headers=headers, trust_env=False).status_code


@BOTH
async def test_promoted_by_its_check_and_rolled_back(office: Stage, size: ViewportSize) -> None:
    async with office.visit("admin", size) as seen:
        page = seen.page
        accept(page)
        await page.goto("/admin/models")
        card = page.get_by_role("region", name="Champion")
        before = await card.get_by_role("link").inner_text()
        await (
            page.get_by_role("region", name="All versions").get_by_role("link", name=re.compile("better")).first.click()
        )
        await page.get_by_role("button", name="Promote to champion").click()
        await expect(card).to_contain_text("better")
        await page.get_by_role("button", name="Roll back").click()
        await expect(card).not_to_contain_text("better")
        assert await card.get_by_role("link").inner_text() == before
    assert seen.faults == []


async def test_a_version_that_failed_its_check_takes_a_written_reason(office: Stage) -> None:
    async with office.visit("admin", PHONE) as seen:
        page = seen.page
        accept(page)
        await page.goto("/admin/models/worse")
        await page.get_by_role("button", name="Promote to champion").click()
        await expect(page.get_by_role("alert")).to_contain_text("sensitivity, sex female")
        await axe(page)
        await seen.shot("office-refused")
        await page.get_by_label("Why is it to answer all the same?").fill(REASON)
        await page.get_by_role("button", name="Promote without a passing check").click()
        await expect(page.get_by_role("region", name="Champion")).to_contain_text("worse")
        await page.get_by_role("button", name="Roll back").click()
        await page.goto("/admin/audit")
        await expect(page.get_by_role("cell", name=re.compile(REASON))).to_be_visible()
    assert [fault for fault in seen.faults if "409" not in fault] == []


async def test_a_canary_begins_and_ends_and_a_stale_page_moves_nothing(office: Stage) -> None:
    async with office.visit("admin", DESKTOP) as seen:
        page = seen.page
        accept(page)
        await page.goto("/admin/models/better")
        stale = await page.context.new_page()
        await stale.goto("/admin/models/better")
        await page.get_by_label("Share of the cases, in percent").fill("5")
        await page.get_by_role("button", name="Try it as canary").click()
        canary = page.get_by_role("region", name="Canary")
        await expect(canary).to_contain_text("5%")
        await stale.get_by_role("button", name="Try it as canary").click()
        await expect(stale.get_by_role("alert")).to_contain_text("Somebody has moved the channel")
        await page.get_by_role("button", name="End the canary").click()
        await expect(canary).to_contain_text("ended by an admin")


@BOTH
async def test_a_run_is_started_watched_and_cancelled(office: Stage, size: ViewportSize) -> None:
    async with office.visit("admin", size) as seen:
        page = seen.page
        accept(page)
        await page.goto("/admin/training")
        await page.get_by_role("button", name="Start a training run").click()
        await expect(page.get_by_role("img", name=re.compile("Loss over the steps"))).to_be_visible(timeout=15_000)
        await expect(page.locator("#log + pre")).to_contain_text("at ")
        if size == PHONE:
            await axe(page)
        await seen.shot("office-run")
        await page.get_by_role("button", name="Cancel the run").click()
        await expect(page.get_by_text("cancelled", exact=True)).to_be_visible(timeout=15_000)
        await expect(page.get_by_role("button", name="Cancel the run")).to_have_count(0)
    assert seen.faults == []


@BOTH
async def test_a_key_is_shown_once_and_revoked(office: Stage, size: ViewportSize) -> None:
    name = f"camera-{size['width']}"
    async with office.visit("admin", size) as seen:
        page = seen.page
        accept(page)
        await page.goto("/admin/people")
        form = page.get_by_role("region", name="Make a key for a program")
        await form.get_by_label("Name").fill(name)
        await form.get_by_role("button").click()
        secret = await page.locator("#secret").inner_text()
        assert status(office, secret) == 200
        await page.goto("/admin/people")
        await expect(page.get_by_text(secret)).to_have_count(0)
        row = page.get_by_role("region", name="Keys", exact=True).get_by_role("row", name=re.compile(name))
        await row.get_by_role("button", name=re.compile("Revoke")).click()
        await expect(row).to_contain_text("revoked")
        assert status(office, secret) == 401
    assert seen.faults == []
    assert secret not in office.nevus.log_file.read_text()


async def test_an_invitation_opens_the_pages_and_is_taken_back(office: Stage) -> None:
    async with office.visit("admin", PHONE, script=False) as seen:
        page = seen.page
        await page.goto("/admin/people")
        form = page.get_by_role("region", name="Invite a person")
        await form.get_by_label("Name").fill("no one!")
        await form.get_by_role("button").click()
        await expect(form.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
        await form.get_by_label("Name").fill("zoe")
        await form.get_by_role("button").click()
        link = await page.locator("#secret").inner_text()
        await page.goto("/admin/people")
        await page.get_by_role("button", name="Sign out everywhere zoe").click()
        async with office.visit("", PHONE) as guest:
            await guest.page.goto(link)
            await guest.page.get_by_role("button", name="Sign in").click()
            await expect(guest.page.get_by_role("heading", name="Please sign in")).to_be_visible()


async def test_the_log_is_verified_and_paged_without_a_script(office: Stage) -> None:
    async with office.visit("admin", DESKTOP, script=False) as seen:
        page = seen.page
        await page.goto("/admin/audit")
        await page.get_by_role("button", name="Verify the log").click()
        head = await page.locator("#head-found").inner_text()
        await page.get_by_label("A head that was noted earlier").fill(
            head.replace(head[-1], "0" if head[-1] != "0" else "1")
        )
        await page.get_by_role("button", name="Verify the log").click()
        await expect(page.get_by_role("alert")).to_contain_text("The log is not what it was.")
        await page.goto("/admin/audit?before=3")
        await expect(page.get_by_role("table").get_by_role("row")).to_have_count(3)


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone", "desktop"])
async def test_pages_with_much_on_them_are_accessible_and_fit(office: Stage, size: ViewportSize, scheme: Any) -> None:
    """What holds for every page is in test_frame.py."""
    async with office.visit("admin", size, scheme) as seen:
        for name, place in FULL.items():
            await seen.page.set_viewport_size(size)
            await seen.page.goto(place)
            await seen.shot(f"office-{name}")
            if size == DESKTOP:
                continue
            await axe(seen.page)
            await seen.page.set_viewport_size(NARROWEST)
            assert await seen.page.evaluate("document.documentElement.scrollWidth") <= NARROWEST["width"], place
    assert seen.faults == []
