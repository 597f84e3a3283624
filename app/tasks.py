"""Background work of the window: every task is held, named, and its failure is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from core.model.errors import ErrorRecord, describe

log = logging.getLogger(__name__)


class Tasks:
    """Strong references to running tasks; `on_error` hears what failed."""

    def __init__(self, on_error: Callable[[ErrorRecord], None] | None = None) -> None:
        self.on_error = on_error
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` in the background until it ends or `stop` is called."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        record = describe(error)
        if record.code == "internal":
            log.error("%s failed", task.get_name(), exc_info=error)
        if self.on_error is not None:
            self.on_error(record)

    async def stop(self) -> None:
        """Cancel everything and wait until it is gone."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
