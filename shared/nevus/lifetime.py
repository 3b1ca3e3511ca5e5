"""No process outlives the one that started it, however that one ended.

`python -P lifetime.py MODULE ARGS...` gives the same bond to a program that knows nothing of it.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading
import time

ASKED = "NEVUS_FOLLOW_PARENT"
INTERVAL = 0.2  # seconds
ORPHANED = 1  # exit status of a process whose parent is gone


def follow_parent_if_asked() -> None:
    """Follow the parent when NEVUS_FOLLOW_PARENT is 1, as a supervisor sets it.

    Or the number of the process that asks: when that is gone already, this one ends at once.
    """
    asked = os.environ.get(ASKED, "")
    if not asked.isdecimal() or asked == "0":
        return
    os.environ[ASKED] = "1"  # whom this process starts follows this process
    if not alive(int(asked)):
        os._exit(ORPHANED)
    follow_parent()


def alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def follow_parent(interval: float = INTERVAL) -> None:
    """Watch the parent from a daemon thread and end this process at once when it is gone."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent, interval), name="follow-parent", daemon=True).start()


def _watch(parent: int, interval: float) -> None:
    while os.getppid() == parent:
        time.sleep(interval)
    os._exit(ORPHANED)


if __name__ == "__main__":
    follow_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
