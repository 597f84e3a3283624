"""The command line's connection to the engine: made when first needed, made again when the engine is lost."""

from __future__ import annotations

import os
import time
from typing import TypeVar

from core.client.client import Watch
from core.client.socket import SocketClient
from core.host.cli.environment import SHOWN, environment_account
from core.host.endpoint import connect
from core.host.places import find_places
from core.model.errors import NetworkError
from core.protocol.commands import Command, ListAccounts
from core.protocol.rows import View

R = TypeVar("R")
_MOST_LOSSES = 5  # within a minute: more is no accident
_LOSSES_S = 60.0


class Link:
    """Owned by one command and used on its loop."""

    def __init__(self) -> None:
        self._places = find_places()
        self._client: SocketClient | None = None
        self._environment_in_use = False
        self._losses: list[float] = []

    async def client(self) -> SocketClient:
        if self._client is None:
            self._client = await connect(self._places)
        return self._client

    async def call(self, command: Command[R]) -> R:
        return await (await self.client()).call(command)

    async def watch(self, view: View) -> Watch:
        return (await self.client()).watch(view)

    async def account(self, name: str) -> str:
        """The account to send: the one that is named, or this environment's, which the engine learns of first."""
        if name not in ("", SHOWN):
            return name
        self._environment_in_use = True
        command = environment_account(os.environ)
        await self.call(command)
        return command.account.name

    async def bring_keys_again(self) -> None:
        """If the engine knows this environment's account, give it the keys, which it forgets when it stops."""
        if not os.environ.get("AWS_ACCESS_KEY_ID"):
            return
        command = environment_account(os.environ)
        known = {row.account.name for row in (await self.call(ListAccounts())).accounts}
        if command.account.name in known:
            await self.call(command)

    async def find_again(self, error: NetworkError) -> None:
        """After the engine was lost: start it again. Raises `error` when that happens again and again."""
        now_s = time.monotonic()
        self._losses = [lost_s for lost_s in self._losses if now_s - lost_s < _LOSSES_S] + [now_s]
        if len(self._losses) > _MOST_LOSSES:
            raise error
        await self.close()
        await self.client()
        if self._environment_in_use:
            await self.call(environment_account(os.environ))
        else:
            await self.bring_keys_again()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()
