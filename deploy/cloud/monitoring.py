"""Log-based metrics, alert policies and the dashboard, each a file in deploy/monitoring/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from deploy.cloud.parts import FOUND, ROOT, Resource, gcloud

FOLDER = ROOT / "deploy/monitoring"


def monitoring() -> Iterator[Resource]:
    """Metrics first, for policies read them."""
    yield from (metric(path) for path in sorted(FOLDER.glob("metric-*.json")))
    yield from (policy(path) for path in sorted(FOLDER.glob("alert-*.json")))
    yield from (dashboard(path) for path in sorted(FOLDER.glob("dashboard*.json")))


def metric(path: Path) -> Resource:
    """Counts log entries."""
    called, content = ("logging", "metrics"), json.loads(path.read_text())
    config = f"--config-from-file={path.relative_to(ROOT)}"
    return Resource(
        name=f"metric {content['name']}",
        purpose=f"Metric: {content['description']}",
        find=gcloud(*called, "describe", content["name"], "--format=value(name)"),
        create=(gcloud(*called, "create", content["name"], config),),
        update=(gcloud(*called, "update", content["name"], config),),
        remove=(gcloud(*called, "delete", content["name"]),),
    )


def policy(path: Path) -> Resource:
    """Google names it; it is found again by the name that people read."""
    called, title = ("alpha", "monitoring", "policies"), json.loads(path.read_text())["displayName"]
    file = f"--policy-from-file={path.relative_to(ROOT)}"
    return Resource(
        name=f"alert {path.stem.removeprefix('alert-')}",
        purpose=f"Alert: {title}.",
        find=gcloud(*called, "list", f'--filter=displayName="{title}"', "--format=value(name)"),
        create=(gcloud(*called, "create", file),),
        update=(gcloud(*called, "update", FOUND, file),),
        remove=(gcloud(*called, "delete", FOUND),),
    )


def dashboard(path: Path) -> Resource:
    """Made anew when its file may have changed: an update would want the etag of what is there."""
    called, title = ("monitoring", "dashboards"), json.loads(path.read_text())["displayName"]
    file = f"--config-from-file={path.relative_to(ROOT)}"
    return Resource(
        name=f"dashboard {path.stem}",
        purpose=f"Dashboard: {title}.",
        find=gcloud(*called, "list", f'--filter=displayName="{title}"', "--format=value(name)"),
        create=(gcloud(*called, "create", file),),
        update=(gcloud(*called, "delete", FOUND), gcloud(*called, "create", file)),
        remove=(gcloud(*called, "delete", FOUND),),
    )
