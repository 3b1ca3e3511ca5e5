"""Where `nevus` begins."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; says what is missing where the library alone is installed."""
    try:
        from nevus_client.command.app import app
    except ModuleNotFoundError as error:
        sys.exit(f"nevus needs {error.name}: install nevus-client[command]")
    app()
