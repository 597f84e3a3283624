"""Faults as data: which call goes wrong, when, how often, and in what way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.model.errors import CoreError, NetworkError, Retry

# The connection breaks: the classical fault.
DROPPED = NetworkError("unreachable", "The connection was lost; it goes on when it is back.", retry=Retry.BACKOFF)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Calls are named like the methods (`put_part`, `list_objects`...); `delete_object` is one key of `delete_objects`. Of
    `error`, `delay_s`, `rate_bps` and `corrupt` any may be combined; a fault with none of them does nothing but count.
    """

    call: str
    key: str = ""  # empty: any
    number: int = 0  # of a part; 0: any
    times: int = 1  # calls it happens to; 0: all of them
    skip: int = 0  # matching calls that go well before
    after_bytes: int = 0  # of the body or the range, for calls that carry bytes
    error: CoreError | None = None
    lost_answer: bool = False  # the call is carried out before the error is raised
    delay_s: float = 0.0
    rate_bps: int = 0  # bytes per second; 0: as fast as it goes
    corrupt: bool = False  # the byte at `after_bytes` arrives with its bits turned over


class Script:
    """The faults still to come. Several openings of a store share one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, faults: Iterable[Fault]) -> None:
        self._faults.extend(faults)

    def clear(self) -> None:
        self._faults.clear()

    def begin(self, call: str, key: str = "", number: int = 0) -> Course:
        """How this call will go. The first fault that fits is used up a little."""
        for index, fault in enumerate(self._faults):
            if fault.call != call or fault.key not in ("", key) or fault.number not in (0, number):
                continue
            if fault.skip:
                self._faults[index] = replace(fault, skip=fault.skip - 1)
                continue
            if fault.times == 1:
                del self._faults[index]
            elif fault.times:
                self._faults[index] = replace(fault, times=fault.times - 1)
            return Course(fault)
        return Course(None)


class Course:
    """The course of one call under at most one fault."""

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault
        self._passed = 0
        self._waited = False

    async def start(self) -> None:
        """Before anything is done, for faults that do not wait for bytes."""
        if self._fault is not None and not self._fault.after_bytes:
            await self._strike(self._fault)

    async def carry(self, piece: bytes | memoryview) -> bytes | memoryview:
        """A piece as it arrives: slowly, damaged, or not at all."""
        fault = self._fault
        if fault is None:
            return piece
        begin, self._passed = self._passed, self._passed + len(piece)
        if fault.rate_bps:
            await asyncio.sleep(len(piece) / fault.rate_bps)
        if fault.after_bytes and self._passed >= fault.after_bytes:
            await self._strike(fault)
        if fault.corrupt and begin <= fault.after_bytes < self._passed:
            damaged = bytearray(piece)
            damaged[fault.after_bytes - begin] ^= 0xFF
            return bytes(damaged)
        return piece

    def end(self) -> None:
        """After everything was done: the answer may still be lost."""
        if self._fault is not None and self._fault.error is not None and self._fault.lost_answer:
            raise self._fault.error.record().revive()

    async def _strike(self, fault: Fault) -> None:
        if fault.delay_s and not self._waited:
            self._waited = True
            await asyncio.sleep(fault.delay_s)
        if fault.error is not None and not fault.lost_answer:
            raise fault.error.record().revive()
