"""`python -m deploy.contract write|check|release`: the API's document and what is made of it.

`write` writes docs/openapi.json and the Python client's types as the gateway's code says; `check` says whether they are
so, and what breaks programs written for the released document; `release` makes the document of now the released one.
"""

from __future__ import annotations

import argparse
import sys

from deploy.contract import classes, document
from deploy.contract.breaking import breaks


def write() -> int:
    """Replace what is checked in."""
    now = document.served()
    document.DOCUMENT.write_text(document.text(now))
    classes.write(now)
    return check()


def check() -> int:
    """1 where something is stale or broken."""
    now, released = document.served(), document.read(document.RELEASED)
    found = [] if document.text(now) == document.DOCUMENT.read_text() else ["docs/openapi.json is stale"]
    stale = [name for name, text in classes.modules(now).items() if (classes.FOLDER / f"{name}.py").read_text() != text]
    found += [f"the client's types of {name} are stale" for name in stale]
    if now["info"]["version"] == released["info"]["version"]:
        found += breaks(released, now)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


def release() -> int:
    """Refused where it breaks what was released and the API's version is still the same."""
    if check():
        return 1
    document.RELEASED.write_text(document.DOCUMENT.read_text())
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("write", "check", "release"))
    sys.exit({"write": write, "check": check, "release": release}[parser.parse_args().action]())
