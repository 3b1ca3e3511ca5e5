"""What all tests of pages share: one real stack, one browser, one signed-in person of each role. docs/pages.md: how."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import axe_playwright_python
import httpx
from playwright.async_api import Browser, Page, ViewportSize
from tests.e2e.browser import DESKTOP, NARROWEST, PHONE, WIDEST, ZOOMED, Scheme, Visit, visiting
from tests.gateway_process import GatewayProcess
from tests.photos import lesion

__all__ = ["DESKTOP", "NARROWEST", "PHONE", "WIDEST", "ZOOMED", "Person", "Stage", "axe"]
COOKIE = "nevus_session"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True)
class Person:
    """Someone who is signed in, by the session's cookie."""

    role: str
    name: str
    session: str

    def client(self, host: str) -> httpx.Client:
        """Requests of this person's browser, without a browser."""
        headers = {"Cookie": f"{COOKIE}={self.session}", "Origin": host}
        return httpx.Client(base_url=host, headers=headers, trust_env=False, timeout=30)


@dataclass
class Stage:
    """The stack, the browser, and who was signed in on it."""

    nevus: GatewayProcess
    browser: Browser
    people: dict[str, Person] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)

    def person(self, role: str) -> Person:
        """A new person of this role: client, clinician or admin."""
        name = f"{role}-{len(self.people)}"
        token = parse_qs(urlsplit(self.nevus.invite(role=role, caller=name)).query)["token"][0]
        headers = {"Origin": self.nevus.url}
        answer = httpx.post(f"{self.nevus.url}/sign-in", data={"token": token}, headers=headers, trust_env=False)
        self.people[name] = Person(role, name, answer.cookies[COOKIE])
        return self.people[name]

    def known(self, role: str) -> Person:
        """The person of this role whom all tests share."""
        known = [person for person in self.people.values() if person.role == role]
        return known[0] if known else self.person(role)

    def ask(self, person: Person, seed: int = 1, **fields: str) -> str:
        """A prediction's id, of a drawn photo."""
        with person.client(self.nevus.url) as client:
            files = {"image": ("drawn.jpg", lesion(seed=seed), "image/jpeg")}
            answer = client.post("/v1/predictions", files=files, data=fields)
            assert answer.status_code == 201, answer.text
            return str(answer.json()["id"])

    def record(self) -> str:
        """The id of a record of the known client, the same for all tests; there is another photo of its spot."""
        if not self.records:
            asked = [self.ask(self.known("client"), seed, modality="clinical", case_id="left-arm") for seed in (2, 1)]
            self.records.append(asked[-1])
        return self.records[0]

    def champion(self) -> str:
        """The version that answers."""
        with self.known("admin").client(self.nevus.url) as client:
            return str(client.get("/v1/channels/champion").json()["version"])

    @asynccontextmanager
    async def visit(
        self,
        who: Person | str,
        size: ViewportSize = DESKTOP,
        scheme: Scheme = "light",
        *,
        language: str = "en",
        **options: Any,
    ) -> AsyncIterator[Visit]:
        """A visit of a person, of the known one of a role, or of nobody (an empty role)."""
        person = self.known(who) if isinstance(who, str) and who else who
        cookies = (
            [{"name": COOKIE, "value": person.session, "url": self.nevus.url}] if isinstance(person, Person) else []
        )
        options = {"locale": language, **options}
        async with visiting(self.browser, self.nevus.url, size, scheme, **options) as seen:
            await seen.page.context.add_cookies(cookies)  # type: ignore[arg-type]  # a list of SetCookieParam
            yield seen


@cache
def axe_source() -> str:
    """The accessibility checker itself, from the package that carries it: nothing is loaded from elsewhere."""
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


async def axe(page: Page) -> None:
    """Fail with every rule that the page breaks: WCAG 2.2 A and AA, and best practice."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe_source())
    chosen = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = await page.evaluate("async chosen => (await axe.run(document, chosen)).violations", chosen)
    told = [f"{broken['id']}: {broken['help']}\n" + "\n".join(map(_node, broken["nodes"])) for broken in found]
    assert not told, f"{page.url}\n" + "\n".join(told)


def _node(node: dict[str, str]) -> str:
    return f"  {node['html'][:160]}\n  {node['failureSummary']}"
