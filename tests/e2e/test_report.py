"""A report in a real browser, under the policy that it is served with."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, ViewportSize
from tests.e2e.browser import DESKTOP, PHONE, Scheme, visit
from tests.manifests import measured

from gateway.routes.models import SANDBOX
from training_job.report import html


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone", "desktop"])
async def test_it_is_shown_whole_and_without_a_fault(size: ViewportSize, scheme: Scheme) -> None:
    page = html(measured())

    async def answer(route: Route) -> None:
        headers = {"Content-Security-Policy": SANDBOX, "Content-Type": "text/html"}
        await route.fulfill(body=page, headers=headers)

    async with visit("http://report.test", size, scheme) as seen:
        await seen.page.route("**/*", answer)
        await seen.page.goto("http://report.test/")
        assert await seen.page.locator("svg").count() == 15
        for place in await seen.page.locator("section, svg").all():
            box = await place.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size["width"]
        assert seen.faults == []
