"""A server that keeps CRC-64/NVME of whole objects: it is sent, stored, and what proves both ways."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scenario.round_trip import sluice
from tests.support.servers import Server


@pytest.mark.moto
def test_the_servers_checksum_is_the_proof(home: Path, moto: Server) -> None:
    source, back = home / "film.mov", home / "back.mov"
    source.write_bytes(os.urandom(20 << 20))
    sluice(
        *("account", "add", "lab", "--endpoint", moto.endpoint, "--region", moto.region, "--access-key"),
        *(moto.access_key, "--secret-stdin", "--memory-only"),
        stdin=moto.secret_key,
    )
    try:
        sluice("mb", "s3://stored-checksums", "--account", "lab")
        up = sluice("cp", str(source), "s3://stored-checksums/film.mov", "--account", "lab")
        down = sluice("cp", "s3://stored-checksums/film.mov", str(back), "--account", "lab")
    finally:
        sluice("agent", "--stop")
    assert (up[-1]["verified_by"], down[-1]["verified_by"]) == ("crc64nvme", "crc64nvme")
    assert back.read_bytes() == source.read_bytes()
