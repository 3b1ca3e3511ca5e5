"""A plan as a shell script: what --dry-run prints, and what would do the same if it were run by hand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from deploy.cloud.parts import Command, Place, Resource

HEAD = """#!/usr/bin/env bash
# {what} of Nevus: project {project}, region {region}, access {access}. Printed by a dry run; nothing was changed.
set -euo pipefail
export CLOUDSDK_CORE_PROJECT={project} CLOUDSDK_CORE_DISABLE_PROMPTS=1
PROJECT_NUMBER=$(gcloud projects describe {project} '--format=value(projectNumber)')
ADMIN=${{ADMIN:-$(gcloud config get account)}}
"""
PLAIN = re.compile(r"[\w@%+=:,./~-]+")
VARIABLE = re.compile(r"\$\{\w+\}")


def heading(place: Place, what: str) -> str:
    """Above every script."""
    return HEAD.format(what=what, project=place.project, region=place.region, access=place.access)


def shown(command: Command) -> str:
    """One line of shell; `${...}` stays a variable."""
    line = " ".join(["gcloud", *map(_quoted, command.words)])
    if command.given:
        end = "END" if VARIABLE.search(command.given) else "'END'"
        line += f" <<{end}\n{command.given.rstrip()}\nEND"
    return line + (f" || true  # fine if it says: {command.fine}" if command.fine else "")


def _quoted(word: str) -> str:
    if PLAIN.fullmatch(VARIABLE.sub("", word)):
        return f'"{word}"' if VARIABLE.search(word) else word
    return f'"{word}"' if VARIABLE.search(word) and '"' not in word else shlex.quote(word)


def making(resource: Resource) -> Iterator[str]:
    """Lines that bring a resource to what is declared."""
    yield f"\n# {resource.name}: {resource.purpose}"
    if resource.find is None:
        yield from map(shown, resource.create)
        return
    yield f"if {_found(resource.find)}; then"
    yield from (f"  {shown(command)}" for command in resource.update or ())
    if not resource.update:
        yield "  : # it is there"
    yield "else"
    yield from (f"  {shown(command)}" for command in resource.create)
    yield "fi"


def removing(resource: Resource) -> Iterator[str]:
    """Lines that remove a resource if it is there."""
    yield f"\n# {resource.name}"
    if resource.find is None:
        yield from map(shown, resource.remove)
        return
    yield f"if {_found(resource.find)}; then"
    yield from (f"  {shown(command)}" for command in resource.remove)
    yield "fi"


def _found(find: Command) -> str:
    return f'found=$({shown(find)} 2>/dev/null) && [ -n "$found" ]'
