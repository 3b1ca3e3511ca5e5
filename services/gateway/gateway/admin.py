"""`nevus-admin`: invitations, keys and the audit log of the deployment in DATA_DIR. Works while the gateway runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from urllib.parse import quote

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from gateway import administration
from gateway.administration import Office
from gateway.audit_log import read_head
from gateway.bootstrap import key_store, open_office
from gateway.settings import Settings
from nevus.configuration import refusal
from nevus.domain import Role
from nevus.ports import PortError

T = TypeVar("T")

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
RoleOption = Annotated[Role, typer.Option(help="client: own records; clinician: all records; admin: everything")]
CallerOption = Annotated[str | None, typer.Option(help="whose records these will be; a new caller unless given")]


def run(work: Callable[[Office], Awaitable[T]]) -> T:
    """Do it with the stores that the environment names; what goes wrong is said in one line."""

    async def working() -> T:
        async with open_office(Settings()) as office:
            return await work(office)

    try:
        return asyncio.run(working())
    except ValidationError as error:
        typer.echo(f"nevus-admin: {refusal(error)}.", err=True)
    except PortError as error:
        typer.echo(f"nevus-admin: {error}.", err=True)
    raise typer.Exit(1)


@app.command()
def invite(
    role: RoleOption,
    base_url: Annotated[str, typer.Option(help="address of the gateway, such as http://127.0.0.1:8080")],
    caller: CallerOption = None,
) -> None:
    """Make a sign-in link for the pages: 15 minutes, one use."""
    try:
        token = run(lambda office: administration.invite(office, role, caller))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--caller") from error
    print(f"{base_url.rstrip('/')}/sign-in?token={quote(token)}")


@app.command("create-key")
def create_key(role: RoleOption, caller: CallerOption = None) -> None:
    """Make an API key. Its secret is on the last line, and is shown this once."""
    try:
        key = run(lambda office: administration.create_key(office, role, caller))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--caller") from error
    print(f"key {key.key_id} of caller {key.caller.id}, role {key.caller.role.value}")
    print(key.secret)


@app.command("revoke-key")
def revoke_key(key_id: Annotated[str, typer.Argument(help="as list-keys shows it")]) -> None:
    """Lock a key out for good."""
    if not run(lambda office: administration.revoke_key(office, key_id)):
        typer.echo(f"There is no key {key_id} that could be revoked.", err=True)
        raise typer.Exit(1)
    print(f"revoked {key_id}")


@app.command("sign-out")
def sign_out(caller: Annotated[str, typer.Argument(help="the caller's id")]) -> None:
    """End all sessions of a caller on the pages, and take back unused links. Keys stay."""
    ended = run(lambda office: administration.end_sessions(office, caller))
    print(f"ended {ended} sessions of {caller}")


@app.command()
def verify(
    head: Annotated[str | None, typer.Option(help="a head that was noted earlier, NUMBER:HASH")] = None,
) -> None:
    """Walk the whole audit log; status 1 where it is not what it was. Note the head that it prints."""
    try:
        given = None if head is None else read_head(head)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--head") from error
    found = run(lambda office: administration.verify(office, given))
    typer.echo(f"The audit log is {found}.", err=not found.whole)
    if not found.whole:
        raise typer.Exit(1)


@app.command("list-keys")
def list_keys() -> None:
    """Show all keys; their secrets are not kept."""
    table = Table("key", "caller", "role", "created", "revoked")
    with key_store(Settings()) as keys:
        known = keys.keys()
    for key in known:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        table.add_row(key.key_id, key.caller.id, key.caller.role.value, f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
    Console().print(table)


if __name__ == "__main__":
    app()
