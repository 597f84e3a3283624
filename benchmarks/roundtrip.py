"""The full round trip: a 5 GiB file, 2,000 mixed files and odd names, on Swift and Ceph, over HTTP and TLS."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from core.model.units import GIB, format_size
from tests.scenario.round_trip import round_trip, sluice
from tests.servers import certs
from tests.support.servers import Server, start_ceph, start_swift


def measure(name: str, server: Server, big_gib: float) -> None:
    with tempfile.TemporaryDirectory(prefix="sl-", ignore_cleanup_errors=True) as folder:
        os.environ["SLUICE_HOME"] = folder
        started = time.monotonic()
        try:
            outcome = round_trip(Path(folder), server, "round-trip", small_files=2000, big_bytes=int(big_gib * GIB))
        finally:
            sluice("agent", "--stop")
        print(
            f"{name}: {outcome.files} files up and down, {format_size(outcome.size_bytes)} moved, equal;"
            f" verified by {', '.join(sorted(outcome.verified_by))}; {time.monotonic() - started:.0f} s",
            flush=True,
        )


def main() -> None:
    big_gib = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    os.environ["STORE"] = "bluestore"
    with tempfile.TemporaryDirectory() as folder:
        certificates = certs.make(Path(folder))
        ca_file = str(certificates.ca_file)
        with contextlib.closing(start_swift()) as daemon:
            measure("Swift, HTTP", daemon.server(), big_gib)
        with contextlib.closing(start_swift(certificates)) as daemon:
            measure("Swift, TLS", daemon.server(ca_file=ca_file), big_gib)
        for tls in (False, True):
            with contextlib.closing(start_ceph(certificates)) as daemon:
                server = daemon.server(tls=tls, ca_file=ca_file if tls else None)
                measure(f"Ceph, {'TLS' if tls else 'HTTP'}", server, big_gib)


if __name__ == "__main__":
    main()
