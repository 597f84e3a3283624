"""Ctrl-C and SIGTERM as an event, so that a command can end what it does in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator

_WANTED = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptions() -> Iterator[asyncio.Event]:
    """Set by each signal; whoever clears it can wait for the next one."""
    loop = asyncio.get_running_loop()
    interrupted = asyncio.Event()
    if sys.platform == "win32":
        before = [signal.signal(one, lambda *_: loop.call_soon_threadsafe(interrupted.set)) for one in _WANTED]
    else:
        before = [signal.getsignal(one) for one in _WANTED]
        for one in _WANTED:
            loop.add_signal_handler(one, interrupted.set)
    try:
        yield interrupted
    finally:
        for one, handler in zip(_WANTED, before, strict=True):
            if sys.platform != "win32":
                loop.remove_signal_handler(one)
            signal.signal(one, handler)
