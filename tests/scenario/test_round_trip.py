"""Everything a user may have in a folder, up and down again, on real servers over HTTP and TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenario.round_trip import ODD_NAMES, round_trip, sluice

SERVERS = [
    pytest.param("swift", marks=pytest.mark.swift),
    pytest.param("swift_tls", marks=pytest.mark.swift),
    pytest.param("ceph", marks=pytest.mark.ceph),
    pytest.param("ceph_tls", marks=pytest.mark.ceph),
]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SERVERS)
def test_a_tree_comes_back_as_it_went(home: Path, request: pytest.FixtureRequest, name: str) -> None:
    server = request.getfixturevalue(name)
    bucket = f"round-trip-{name.replace('_', '-')}"  # both doors of a Ceph lead to the same buckets
    try:
        outcome = round_trip(home, server, bucket, small_files=150, big_bytes=48 << 20)
        sluice("rm", "--recursive", f"s3://{bucket}", "--account", "lab")
    finally:
        sluice("agent", "--stop")
    assert outcome.files == 150 + len(ODD_NAMES) + 2
    assert outcome.verified_by <= {"md5-etag", "crc64nvme"}
