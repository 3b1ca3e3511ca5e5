"""`python -m deploy.cloud deploy|destroy|release`: Nevus on Google Cloud."""

from __future__ import annotations

import argparse
import secrets
import signal
import subprocess
import sys
from types import FrameType

from deploy.cloud.build import submission
from deploy.cloud.definitions import Images
from deploy.cloud.parts import ADMIN, NUMBER, Place
from deploy.cloud.plan import demolition, plan
from deploy.cloud.release import Pace, Release
from deploy.cloud.runner import CommandFailed, Runner
from deploy.cloud.script import heading, making, removing, shown


def say(text: str) -> None:
    """A line on the terminal."""
    print(f"nevus: {text}", flush=True)


def deploy(place: Place, *, dry_run: bool) -> int:
    """Make what is missing, mend what is there, then build and release."""
    build = submission(place)
    if dry_run:
        lines = [line for each in plan(place) for line in making(each)]
        print("\n".join([heading(place, "Deployment"), *lines, "\n# Test, build, scan, push, release.", shown(build)]))
        return 0
    runner = Runner(place, say)
    for resource in plan(place):
        runner.make(resource)
    say("build and release, see deploy/cloudbuild.yaml")
    return subprocess.run(["gcloud", *build.words], check=False).returncode


def destroy(place: Place, *, dry_run: bool, data: bool) -> int:
    """Remove what deploy made; photos, models, checkpoints and records only when DELETE_DATA=yes says so."""
    if dry_run:
        lines = [line for each in demolition(place, data=data) for line in removing(each)]
        print("\n".join([heading(place, "Removal"), *lines]))
        return 0
    runner = Runner(place, say)
    for resource in demolition(place, data=data):
        runner.remove(resource)
    if not data:
        say("kept: photos, models, checkpoints, records. DELETE_DATA=yes removes them too, for good")
    return 0


def release(place: Place, images: Images, name: str) -> int:
    """Put new revisions in the place of the old ones, or leave the old ones there."""
    signal.signal(signal.SIGTERM, _interrupt)
    return 0 if Release(Runner(place, say), images, name, Pace()).run() else 1


def _interrupt(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what follows puts all back
    raise KeyboardInterrupt


def arguments(words: list[str]) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="deploy.cloud", description=__doc__)
    parser.add_argument("verb", choices=["deploy", "destroy", "release"])
    parser.add_argument("--project", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--access", choices=["public", "iap"], default="public")
    parser.add_argument("--number", default=NUMBER, help="of the project; asked for unless said")
    parser.add_argument("--admin", default=ADMIN, help="e-mail address of the first admin; yours unless said")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, change nothing")
    parser.add_argument("--delete-data", default="", help="'yes' lets destroy remove buckets and database")
    for image in ("gateway", "inference", "training"):
        parser.add_argument(f"--{image}", default="", help="image of a release, by digest")
    parser.add_argument("--name", default=secrets.token_hex(4), help="of a release")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Do it; returns the exit status."""
    asked = arguments(words)
    try:
        place = Place(asked.project, asked.region, asked.access, asked.number, asked.admin or ADMIN)
        if asked.verb == "deploy":
            return deploy(place, dry_run=asked.dry_run)
        if asked.verb == "destroy":
            return destroy(place, dry_run=asked.dry_run, data=asked.delete_data == "yes")
        return release(place, Images(asked.gateway, asked.inference, asked.training), asked.name)
    except FileNotFoundError as error:
        if error.filename != "gcloud":
            raise
        print("gcloud is not here; only --dry-run works without it", file=sys.stderr)
    except (CommandFailed, ValueError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
