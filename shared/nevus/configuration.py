"""Settings that do not do, in words for whoever set them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever needs the exit status alone does not pay for pydantic
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

EXIT_STATUS = 2  # of a service whose settings do not do: starting it again changes nothing


def require(reason: str, **settings: str) -> None:
    """Raises ValueError that names those of `settings` that have no value."""
    missing = [name.upper() for name, value in settings.items() if not value]
    if missing:
        raise ValueError(f"{reason}: set {' and '.join(missing)}")


def refusal(error: ValidationError) -> str:
    """One line with every wrong setting by its name in the environment; no value, since some are secrets."""
    return "; ".join(map(_said, error.errors(include_url=False, include_input=False)))


def _said(error: ErrorDetails) -> str:
    name = ".".join(map(str, error["loc"])).upper()
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
