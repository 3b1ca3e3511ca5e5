"""Stands in for the training job: the run's name, or its first word, says what it does.

`good` ends well, `bad` fails each time, `long` goes on, `stubborn` does so and ignores SIGTERM, `flaky` fails once.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from nevus.lifetime import follow_parent_if_asked

SECONDS = {"good": 0.2, "bad": 0.05, "flaky": 0.05}


def main() -> int:
    follow_parent_if_asked()
    run, attempt = sys.argv[-1], int(os.environ["CLOUD_RUN_TASK_ATTEMPT"])
    if run == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.write(f"attempt {attempt} with niceness {os.nice(0)}\n")
    sys.stdout.flush()
    time.sleep(SECONDS.get(run, 60))
    if run == "bad" or (run == "flaky" and attempt == 0):
        sys.stderr.write("training_job: a row has no photo\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
