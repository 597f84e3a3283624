"""Real S3 servers on loopback: started in a throwaway folder, gone when pytest is, however it ends."""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certs import Certificates

RECIPES = Path(__file__).parent.parent / "servers"
START_TIMEOUT_S = 180
STOP_TIMEOUT_S = 60
LOOPBACK = "127.0.0.1"
CEPH_PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "monmaptool")


@dataclass(frozen=True, slots=True)
class Server:
    """What a client has to know of a server."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    ca_file: str | None


def free_ports(count: int) -> int:
    """The first of `count` adjacent free ports, below the range the system hands to outgoing connections."""
    for _ in range(200):
        first = random.randrange(20_000, 32_000 - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError("no adjacent free ports found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


class Reaper:
    """Runs a shell command once this process has let go of it: by close(), by crashing or by kill -9."""

    def __init__(self, command: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["sh", "-c", f"read _; {command}", "reaper", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for pytest
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(STOP_TIMEOUT_S)


class Daemon:
    """A server kept by one of the recipes: it can be killed in mid-request and started again on the same data."""

    def __init__(self, recipe: str, environment: dict[str, str], ports: int) -> None:
        self._recipe = str(RECIPES / recipe)
        self._environment = os.environ | environment
        self._ports = ports
        self._facts: dict[str, str] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-"))
        self._reaper = Reaper('"$1" stop "$2"; rm -rf "$2"', self._recipe, str(self.folder))
        self._port = 0
        try:
            self._start_somewhere()
        except BaseException:
            self.close()
            raise

    def _start_somewhere(self) -> None:
        for attempts_left in (2, 1, 0):
            self._port = free_ports(self._ports)
            try:
                return self.start()
            except RuntimeError as failure:  # someone else may have taken the port in between
                if "is taken" not in str(failure) or not attempts_left:
                    raise

    def start(self) -> None:
        """Starts what is not running; on the same port and the same data as before."""
        printed = self._run("start", str(self.folder), str(self._port))
        self._facts = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line and line[0] != "#")

    def kill(self) -> None:
        """kill -9 of the gateway."""
        self._run("kill", str(self.folder))

    def crash(self) -> None:
        """kill -9 of the gateway and of everything behind it."""
        self._run("crash", str(self.folder))

    def close(self) -> None:
        self._reaper.close()

    def server(self, *, ca_file: str | None = None, tls: bool = False) -> Server:
        facts = self._facts
        return Server(
            endpoint=facts["S3_TLS_ENDPOINT_URL" if tls else "S3_ENDPOINT_URL"],
            access_key=facts["AWS_ACCESS_KEY_ID"],
            secret_key=facts["AWS_SECRET_ACCESS_KEY"],
            region=facts["AWS_DEFAULT_REGION"],
            ca_file=ca_file,
        )

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._recipe, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{Path(self._recipe).name} {arguments[0]}: {done.stderr.strip()}\n{self._log_tails()}")
        return done.stdout

    def _log_tails(self) -> str:
        logs = sorted((self.folder / "log").glob("*"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-800:]}" for log in logs if log.is_file())


def start_swift(certificates: Certificates | None = None) -> Daemon:
    return Daemon("swift.sh", {"SWIFT_PYTHON": sys.executable} | _tls(certificates), ports=5)


def start_ceph(certificates: Certificates | None = None) -> Daemon:
    """Objects live in memory; STORE=bluestore in the environment keeps them on disk. With certificates, also TLS."""
    return Daemon("ceph.sh", _tls(certificates), ports=3)


def missing_for_ceph() -> list[str]:
    return [program for program in CEPH_PROGRAMS if not shutil.which(program)]


def _tls(certificates: Certificates | None) -> dict[str, str]:
    if certificates is None:
        return {}
    return {"TLS_CERT": str(certificates.certificate_file), "TLS_KEY": str(certificates.key_file)}


class Moto:
    """moto in a process of its own. It checks neither signatures nor checksums and forgets all when it ends."""

    def __init__(self) -> None:
        port = free_ports(1)
        self._process = self._spawn(port)
        self._reaper = Reaper('kill "$1"', str(self._process.pid))
        self.server = Server(f"http://{LOOPBACK}:{port}", "testing", "testing", "us-east-1", None)
        self._await(port)

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _await(self, port: int) -> None:
        deadline = time.monotonic() + 30
        while _is_free(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise RuntimeError("moto did not start")
            time.sleep(0.05)

    def close(self) -> None:
        self._reaper.close()
        self._process.wait(STOP_TIMEOUT_S)
