"""Fixtures for the whole suite, and the walls around it: no test sees this person's keyring, keys or settings."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# Before anything imports Qt.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_API"] = os.environ["PYTEST_QT_API"] = "pyside6"

import pytest

from tests.servers import certs
from tests.support.servers import Daemon, Moto, Server, missing_for_ceph, start_ceph, start_swift

KEYRING_PASSWORD = "testpw"  # of the throwaway keyring scripts/test unlocks
_BUS_VARIABLE = "DBUS_SESSION_BUS_ADDRESS"
_bus_address = os.environ.pop(_BUS_VARIABLE, None)
_keyring_room = os.environ.pop("SLUICE_TEST_KEYRING_ROOM", None)

for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1,localhost,.localhost",
    "no_proxy": "127.0.0.1,localhost,.localhost",
}
_default_home = tempfile.mkdtemp(prefix="sluice-home-")
os.environ["SLUICE_HOME"] = _default_home  # for what forgets to ask for `home`


def pytest_unconfigure() -> None:
    shutil.rmtree(_default_home, ignore_errors=True)


def _unavailable(reason: str, *, required: bool = False) -> None:
    """Skips; where the suite must be whole, fails."""
    if required or os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


# --- servers ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificates() -> Iterator[certs.Certificates]:
    with tempfile.TemporaryDirectory(prefix="sluice-certs-") as folder:
        yield certs.make(Path(folder))


@pytest.fixture(scope="session")
def swift() -> Iterator[Server]:
    _need_swift()
    with contextlib.closing(start_swift()) as daemon:
        yield daemon.server()


@pytest.fixture(scope="session")
def swift_tls(certificates: certs.Certificates) -> Iterator[Server]:
    _need_swift()
    with contextlib.closing(start_swift(certificates)) as daemon:
        yield daemon.server(ca_file=str(certificates.ca_file))


@pytest.fixture
def swift_daemon() -> Iterator[Daemon]:
    """A Swift of this test's own, to be killed and started again."""
    _need_swift()
    with contextlib.closing(start_swift()) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def _ceph_both(certificates: certs.Certificates) -> Iterator[Daemon]:
    _need_ceph()
    with contextlib.closing(start_ceph(certificates)) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def ceph(_ceph_both: Daemon) -> Server:
    return _ceph_both.server()


@pytest.fixture(scope="session")
def ceph_tls(_ceph_both: Daemon, certificates: certs.Certificates) -> Server:
    """The same gateway as `ceph`, over TLS."""
    return _ceph_both.server(tls=True, ca_file=str(certificates.ca_file))


@pytest.fixture
def ceph_daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A Ceph of this test's own that keeps its objects on disk, to be killed and started again."""
    _need_ceph()
    monkeypatch.setenv("STORE", "bluestore")
    with contextlib.closing(start_ceph()) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def moto() -> Iterator[Server]:
    with contextlib.closing(Moto()) as process:
        yield process.server


def _need_swift() -> None:
    try:
        import swift  # noqa: F401
    except ImportError:
        _unavailable("Swift is not installed here (it is a development dependency on Linux)")


def _need_ceph() -> None:
    if missing := missing_for_ceph():
        required = os.environ.get("SLUICE_REQUIRE_CEPH") == "1"
        _unavailable(f"Ceph is not installed (scripts/setup --test): no {', '.join(missing)}", required=required)


# --- this machine -----------------------------------------------------------------------------------------------


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh SLUICE_HOME. Its path is short: Unix sockets allow about a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="sl-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("SLUICE_HOME", folder)
        yield Path(folder)


@pytest.fixture
def secret_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session bus with a real, unlocked gnome-keyring; unlocked again afterwards."""
    if not (_keyring_room and _bus_address):
        _unavailable("no throwaway keyring here: run scripts/test, with dbus-run-session and gnome-keyring installed")
    assert _bus_address is not None
    monkeypatch.setenv(_BUS_VARIABLE, _bus_address)
    yield _bus_address
    subprocess.run(
        ["gnome-keyring-daemon", "--replace", "--unlock", "--components=secrets"],
        input=KEYRING_PASSWORD.encode(),
        env=os.environ | {_BUS_VARIABLE: _bus_address},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=20,
        check=True,
    )
    _await_secrets(_bus_address)


def _await_secrets(bus_address: str) -> None:
    """Until the new daemon has taken the name from the old one; a call in between would find nobody."""
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"]
    owner = [*ask, "org.freedesktop.DBus.GetNameOwner", "string:org.freedesktop.secrets"]
    environment = os.environ | {_BUS_VARIABLE: bus_address}
    for _ in range(200):
        if not subprocess.run(owner, env=environment, capture_output=True, check=False).returncode:
            return
        time.sleep(0.05)
    pytest.fail("gnome-keyring did not come back", pytrace=False)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An X display of our own, as DISPLAY wants it. Processes shown there need QT_QPA_PLATFORM=xcb."""
    if not shutil.which("Xvfb"):
        _unavailable("Xvfb is not installed (scripts/setup --test)")
    with subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            yield f":{server.stdout.readline().strip()}"
        finally:
            server.terminate()
