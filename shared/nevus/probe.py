"""`python -m nevus.probe /readyz`: status 0 when this container's own server answers that path with 200."""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT = 2.0  # seconds


def main(path: str) -> int:
    """Exit status; asks 127.0.0.1 at PORT, past any proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PORT"]), timeout=TIMEOUT)
    try:
        connection.request("GET", path)
        return int(connection.getresponse().status != http.HTTPStatus.OK)
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
