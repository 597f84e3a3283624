"""Measures how late the window's loop answers: a beat every 10 ms, the lateness of all of them as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

BEAT_S = 0.010
REPORT_S = 5.0


class Heartbeat:
    """Beats on the running loop; `where` is a file, or `-` for standard output."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.lateness_ms: list[float] = []

    async def run(self) -> None:
        """Beat until cancelled; report every five seconds and at the end."""
        loop = asyncio.get_running_loop()
        reported = loop.time()
        try:
            while True:
                due = loop.time() + BEAT_S
                await asyncio.sleep(BEAT_S)
                now = loop.time()
                self.lateness_ms.append(max(0.0, (now - due) * 1000))
                if now - reported >= REPORT_S:
                    reported = now
                    self.report()
        finally:
            self.report()

    def figures(self) -> dict[str, float]:
        ranked = sorted(self.lateness_ms) or [0.0]
        at = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
        figures = {name: round(ranked[min(len(ranked) - 1, int(len(ranked) * share))], 3) for name, share in at.items()}
        return {**figures, "n": len(self.lateness_ms)}

    def report(self) -> None:
        line = json.dumps(self.figures()) + "\n"
        if self._where == "-":
            sys.stdout.write(line)
            sys.stdout.flush()
        else:
            Path(self._where).write_text(line)
