import subprocess
import sys
from pathlib import Path

from core.host.lock import InstanceLock, is_locked

HOLDER = """
import sys, time
from core.host.lock import InstanceLock
from pathlib import Path
assert InstanceLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_only_one_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    one, two = InstanceLock(path), InstanceLock(path)
    assert one.acquire()
    assert is_locked(path)
    assert not two.acquire()
    one.release()
    assert not is_locked(path)
    assert two.acquire()
    two.release()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(path)
        assert path.read_bytes() == b"%d\n" % holder.pid
        holder.kill()
    lock = InstanceLock(path)
    assert lock.acquire(wait_s=5)
    lock.release()
