"""Model versions, and which of them answer."""

from __future__ import annotations

from typing import Literal

from nevus_client.answers import Channel, Model, ModelDetails, Verdict
from nevus_client.connection import Connection, read
from nevus_client.errors import Refused
from nevus_client.paging import part

ChannelName = Literal["champion", "challenger", "canary"]


class Registry:
    """`Nevus.registry`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def models(self) -> tuple[Model, ...]:
        """All versions, with the channels that point at them."""
        return read(tuple[Model, ...], self._connection.ask("GET", "/v1/models"))

    def model(self, version: str) -> ModelDetails:
        """A version with its manifest: metrics, data, limits, constants."""
        return read(ModelDetails, self._connection.ask("GET", f"/v1/models/{part(version)}"))

    def report(self, version: str) -> str:
        """Its report, a page of HTML."""
        return self._connection.ask("GET", f"/v1/models/{part(version)}/report").text

    def verdicts(self, version: str) -> tuple[Verdict, ...]:
        """What checks of it against champions have found, newest first."""
        return read(tuple[Verdict, ...], self._connection.ask("GET", f"/v1/models/{part(version)}/verdicts"))

    def channel(self, name: ChannelName) -> Channel:
        """Where it points; raises `Refused`, of type `not-found` if nowhere."""
        return read(Channel, self._connection.ask("GET", f"/v1/channels/{part(name)}"))

    def move(
        self, name: ChannelName, version: str, *, overrule: str | None = None, share: float | None = None
    ) -> Channel:
        """Point a channel at a version: promote, roll back, begin a canary. For admins.

        `overrule` says why a version without a passing verdict is to answer. It is not sent again when the answer is
        lost: look with `channel`.
        """
        path = f"/v1/channels/{part(name)}"
        try:
            replaced = self._connection.ask("GET", path).headers["etag"]
        except Refused as refused:
            if refused.type != "not-found":
                raise
            replaced = '"0"'
        said = {"version": version, "overrule": overrule, "share": share}
        body = {word: value for word, value in said.items() if value is not None}
        answer = self._connection.ask("PUT", path, repeatable=False, headers={"If-Match": replaced}, json=body)
        return read(Channel, answer)

    def end_canary(self) -> Channel:
        """Have the champion answer every photo again. For admins."""
        return read(Channel, self._connection.ask("DELETE", "/v1/channels/canary"))
