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
    "worklist": ("clinician", "/worklist?reviewed=all"),
    "worklist-nothing": ("clinician", "/worklist?find=1"),
    "case": ("clinician", "/worklist/{record}"),
    "case-report": ("clinician", "/worklist/{record}/report"),
    "batch": ("clinician", "/batch"),
    "delete": ("client", "/results/{record}/delete"),
    "spots": ("client", "/spots"),
    "spot": ("client", "/spots/left-arm"),
    "data": ("client", "/data"),
    "delete-all": ("client", "/data/delete"),
    "consent": ("client", "/consent"),
    "not-found": ("client", "/results/nothing"),
    "admin": ("admin", "/admin"),
    "admin-models": ("admin", "/admin/models"),
    "admin-model": ("admin", "/admin/models/{version}"),
    "admin-training": ("admin", "/admin/training"),
    "admin-drift": ("admin", "/admin/drift"),
    "admin-people": ("admin", "/admin/people"),
    "admin-audit": ("admin", "/admin/audit"),
}


def address(stage: Stage, name: str) -> str:
    """Where a page is on this stage."""
    path = PAGES[name][1]
    if "{version}" in path:
        return path.format(version=stage.champion())
    record = stage.record()  # before any of them, so that there is something to show
    return path.format(record=record)
