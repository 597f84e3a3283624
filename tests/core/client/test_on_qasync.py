"""The window's loop is qasync's: the same client must work there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from core.client.socket import Address, SocketClient
from core.host.server import Server
from core.model.errors import CoreError
from core.protocol import commands as c
from core.protocol.events import Delta, Snapshot
from core.protocol.rows import View
from tests.support.fake_engine import FakeEngine


@pytest.fixture
def runner(qapp: QApplication) -> Iterator[asyncio.Runner]:
    import qasync

    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(qapp)) as runner:
        yield runner


@pytest.mark.parametrize("tcp", [False, True])
def test_calls_watches_and_loss(runner: asyncio.Runner, tmp_path: Path, tcp: bool) -> None:
    async def scene() -> Any:
        engine = FakeEngine()
        server = Server(engine, token="t" if tcp else "")
        if tcp:
            address = Address(port=await server.listen_tcp(), token="t")
        else:
            await server.listen_unix(tmp_path / "e.sock")
            address = Address(socket=str(tmp_path / "e.sock"))
        client = await SocketClient.open(address)
        rows = await client.call(c.ListTransfers(view=View(count=2000)))  # more than one read of a socket
        assert len(rows.rows) == 2000
        assert all(await asyncio.gather(*(client.call(c.GetStatus()) for _ in range(50))))
        events = aiter(client.watch(View()))
        assert isinstance(await anext(events), Snapshot)
        engine.watches[0].tick()
        assert isinstance(await anext(events), Delta)
        server.stop_accepting()
        await server.close()
        with pytest.raises(CoreError) as caught:
            await asyncio.wait_for(anext(events), 10)
        assert caught.value.code == "engine-lost"
        await client.close()

    runner.run(scene())
