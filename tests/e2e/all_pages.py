"""Every page: who visits it and where. `{record}` is a record of the client's, `{version}` the champion's version."""

from __future__ import annotations

from tests.e2e.pages import Stage

PAGES = {
    "sign-in": ("", "/sign-in"),
    "welcome": ("", "/sign-in?token=once"),
    "not-signed-in": ("", "/"),
    "reference": ("", "/docs"),
    "home": ("client", "/"),
    "result": ("client", "/results/{record}"),
    "not-found": ("client", "/results/nothing"),
}


def address(stage: Stage, name: str) -> str:
    """Where a page is on this stage."""
    path = PAGES[name][1]
    return path.format(record=stage.record()) if "{" in path else path
