"""Each server the suite stands on starts, takes an object and gives it back, through the plain AWS SDK."""

import contextlib
import socket
import subprocess
import sys
import textwrap
import time
import uuid

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from tests.support.servers import Daemon, Server

BODY = bytes(range(256)) * 4096


def _client(server: Server, *, verify: str | bool | None = None):
    return contextlib.closing(
        boto3.session.Session().client(
            "s3",
            endpoint_url=server.endpoint,
            region_name=server.region,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            verify=server.ca_file if verify is None else verify,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                # Ceph 16 refuses the SDK's checksum trailers over TLS
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
    )


def _put(server: Server) -> tuple[str, str]:
    bucket, key = f"frame-{uuid.uuid4().hex[:12]}", "a folder/ünï.bin"
    with _client(server) as s3:
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=BODY)
    return bucket, key


def _get(server: Server, bucket: str, key: str) -> bytes:
    with _client(server) as s3, s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
        return body.read()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("swift", marks=pytest.mark.swift),
        pytest.param("swift_tls", marks=pytest.mark.swift),
        pytest.param("ceph", marks=pytest.mark.ceph),
        pytest.param("ceph_tls", marks=pytest.mark.ceph),
        pytest.param("moto", marks=pytest.mark.moto),
    ],
)
def test_an_object_comes_back(name: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(name)
    assert server.endpoint.startswith("https://" if name.endswith("_tls") else "http://")
    assert _get(server, *_put(server)) == BODY


@pytest.mark.swift
def test_the_certificate_is_not_trusted_without_our_ca(swift_tls: Server) -> None:
    with _client(swift_tls, verify=True) as s3, pytest.raises(SSLError):
        s3.list_buckets()


@pytest.mark.swift
def test_a_wrong_secret_is_refused(swift: Server) -> None:
    wrong = Server(swift.endpoint, swift.access_key, "wrong", swift.region, None)
    with _client(wrong) as s3, pytest.raises(ClientError) as refusal:
        s3.list_buckets()
    assert refusal.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


@pytest.mark.swift
@pytest.mark.kill
def test_swift_keeps_an_object_through_a_crash(swift_daemon: Daemon) -> None:
    stored = _put(swift_daemon.server())
    swift_daemon.crash()
    swift_daemon.start()
    assert _get(swift_daemon.server(), *stored) == BODY


@pytest.mark.ceph
@pytest.mark.kill
@pytest.mark.slow
def test_ceph_keeps_an_object_through_a_crash(ceph_daemon: Daemon) -> None:
    stored = _put(ceph_daemon.server())
    ceph_daemon.crash()
    ceph_daemon.start()
    assert _get(ceph_daemon.server(), *stored) == BODY


@pytest.mark.swift
@pytest.mark.kill
def test_no_server_outlives_a_killed_pytest() -> None:
    program = textwrap.dedent(
        """
        import os, signal
        from tests.support.servers import start_swift
        daemon = start_swift()
        print(daemon.server().endpoint.rsplit(":", 1)[1], daemon.folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    port, folder = killed.stdout.split()
    deadline = time.monotonic() + 20
    while _answers(int(port)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _answers(int(port)), f"Swift in {folder} is still there"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.keyring
def test_the_keyring_keeps_a_secret_and_is_unlocked_after_each_test(secret_service: str) -> None:
    program = textwrap.dedent(
        """
        import contextlib, keyring, secretstorage
        assert "SecretService" in str(keyring.get_keyring()), keyring.get_keyring()
        keyring.set_password("sluice-tests", "frame", "päss")
        assert keyring.get_password("sluice-tests", "frame") == "päss"
        with contextlib.closing(secretstorage.dbus_init()) as bus:
            secretstorage.get_default_collection(bus).lock()
        """
    )
    subprocess.run([sys.executable, "-c", program], timeout=30, check=True)


@pytest.mark.keyring
def test_the_keyring_is_unlocked(secret_service: str) -> None:
    program = "import keyring; keyring.set_password('sluice-tests', 'again', 'x')"
    subprocess.run([sys.executable, "-c", program], timeout=30, check=True)


@pytest.mark.xvfb
def test_the_display_answers(display: str) -> None:
    subprocess.run(["xdotool", "getdisplaygeometry"], env={"DISPLAY": display, "PATH": "/usr/bin"}, check=True)
