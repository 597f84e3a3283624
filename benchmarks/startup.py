"""From process start to a painted window, and to the engine's first answer; against a bare PySide6 window."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.lab import rss_mb
from core.host.endpoint import connect, stop
from core.host.places import find_places
from core.protocol.commands import GetStatus

_BARE = """
import sys, time
from PySide6.QtWidgets import QApplication, QMainWindow
class W(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        sys.stderr.write("painted\\n"); sys.stderr.flush()
app = QApplication([]); w = W(); w.resize(1100, 700); w.show(); app.exec()
"""


def painted(command: list[str]) -> tuple[float, float]:
    """Seconds until the process says `painted`, and its resident MB three seconds later."""
    started = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "painted" in line:
                break
        took_s = time.perf_counter() - started
        time.sleep(3.0)
        resident = rss_mb(process.pid)
        process.terminate()
    return took_s, resident


async def first_answer() -> float:
    started = time.perf_counter()
    client = await connect(find_places(), timeout_s=30)
    await client.call(GetStatus())
    took_s = time.perf_counter() - started
    await client.close()
    await stop(find_places())
    return took_s


def main() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    window = [sys.executable, "-m", "app", "--startup-time"]
    bare = [sys.executable, "-c", _BARE]
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    answers: list[float] = []
    for _ in range(7):
        with tempfile.TemporaryDirectory(prefix="sl-", ignore_cleanup_errors=True) as folder:
            os.environ["SLUICE_HOME"] = folder
            answers.append(asyncio.run(first_answer()))
            ours.append(painted(window))
            theirs.append(painted(bare))
            asyncio.run(stop(find_places()))
    for name, runs in (("sluice", ours), ("bare PySide6 window", theirs)):
        times = [run[0] for run in runs]
        print(
            f"{name}: painted after {statistics.median(times):.3f} s (median of {len(times)},"
            f" {min(times):.3f} to {max(times):.3f}), {statistics.median(run[1] for run in runs):.0f} MB resident"
        )
    print(f"engine: first answer after {statistics.median(answers):.3f} s (median of {len(answers)})")


if __name__ == "__main__":
    main()
