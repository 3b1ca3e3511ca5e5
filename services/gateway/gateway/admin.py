"""`nevus-admin`: invitations and API keys of the deployment in DATA_DIR. Works while the gateway runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from nevus.adapters.keys import SqliteIdentity
from nevus.domain import Role

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
RoleOption = Annotated[Role, typer.Option(help="client: own records; clinician: all records; admin: everything")]
CallerOption = Annotated[str | None, typer.Option(help="whose records these will be; a new caller unless given")]


def identity() -> SqliteIdentity:
    """Keys of the deployment that DATA_DIR names."""
    return SqliteIdentity(Path(os.environ.get("DATA_DIR", ".nevus")) / "identity.db")


@app.command()
def invite(
    role: RoleOption,
    base_url: Annotated[str, typer.Option(help="address of the gateway, such as http://127.0.0.1:8080")],
    caller: CallerOption = None,
) -> None:
    """Make a sign-in link for the pages: 15 minutes, one use."""
    try:
        token = identity().create_invite(role, caller)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--caller") from error
    print(f"{base_url.rstrip('/')}/sign-in?token={quote(token)}")


@app.command("create-key")
def create_key(role: RoleOption, caller: CallerOption = None) -> None:
    """Make an API key. Its secret is on the last line, and is shown this once."""
    try:
        key = identity().create_key(role, caller)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--caller") from error
    print(f"key {key.key_id} of caller {key.caller.id}, role {key.caller.role.value}")
    print(key.secret)


@app.command("revoke-key")
def revoke_key(key_id: Annotated[str, typer.Argument(help="as list-keys shows it")]) -> None:
    """Lock a key out for good."""
    if not identity().revoke(key_id):
        typer.echo(f"There is no key {key_id} that could be revoked.", err=True)
        raise typer.Exit(1)
    print(f"revoked {key_id}")


@app.command("sign-out")
def sign_out(caller: Annotated[str, typer.Argument(help="the caller's id")]) -> None:
    """End all sessions of a caller on the pages, and take back unused links. Keys stay."""
    print(f"ended {identity().end_sessions(caller)} sessions of {caller}")


@app.command("list-keys")
def list_keys() -> None:
    """Show all keys; their secrets are not kept."""
    table = Table("key", "caller", "role", "created", "revoked")
    known = identity().keys()
    for key in known:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        table.add_row(key.key_id, key.caller.id, key.caller.role.value, f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
    Console().print(table)


if __name__ == "__main__":
    app()
