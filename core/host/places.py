"""Finds Sluice's folders on this system and makes them, for the owner's eyes only."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from core.model.errors import StateError
from core.model.places import Places

if TYPE_CHECKING:
    from platformdirs import PlatformDirs

MAX_SOCKET_BYTES = 103  # sun_path holds 108 on Linux and 104 on macOS, with a NUL at its end
_OWNER_ONLY = 0o700
_CHECKS_OWNERS = hasattr(os, "getuid")


def find_places(environ: dict[str, str] | None = None) -> Places:
    """The folders to use, made if need be. `SLUICE_HOME` moves them all.

    Raises StateError (`bad-home`) where a folder cannot be made or belongs to somebody else.
    """
    home = (os.environ if environ is None else environ).get("SLUICE_HOME", "")
    places = _inside(Path(home).expanduser().absolute()) if home else _of_this_system()
    for folder in (places.config, places.data, places.cache, places.log, places.runtime):
        _make(Path(folder))
    _check_private(Path(places.runtime))
    return places


def _inside(home: Path) -> Places:
    return Places(
        home=str(home),
        config=home / "config",
        data=home / "data",
        cache=home / "cache",
        runtime=_short_enough(home / "run", str(home)),
        log=home / "log",
        portable=True,
    )


def _of_this_system() -> Places:
    from platformdirs import PlatformDirs

    found = PlatformDirs("sluice", appauthor=False)
    data = found.user_data_path
    return Places(
        home=str(data),
        config=found.user_config_path,
        data=data,
        cache=found.user_cache_path,
        runtime=_short_enough(_runtime(found), str(data)),
        log=found.user_log_path,
    )


def _runtime(found: PlatformDirs) -> Path:
    """The session's runtime folder where there is one and it is ours, else one of our own."""
    if sys.platform != "linux":
        return found.user_runtime_path
    for folder in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.getuid()}"):
        if folder and _is_ours(Path(folder)):
            return Path(folder, "sluice")
    return Path(tempfile.gettempdir(), f"sluice-{os.getuid()}")


def _short_enough(runtime: Path, home: str) -> Path:
    """The folder itself, or a short one of the same home's own where a socket's path would be too long."""
    if sys.platform == "win32" or len(os.fsencode(runtime / "engine.sock")) <= MAX_SOCKET_BYTES:
        return runtime
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    user_folder = Path(f"/run/user/{os.getuid()}")
    if _is_ours(user_folder):
        return user_folder / f"sluice-{digest}"
    folder = Path(tempfile.gettempdir(), f"sluice-{os.getuid()}-{digest}")
    # a TMPDIR that is itself too long
    return folder if len(os.fsencode(folder / "engine.sock")) <= MAX_SOCKET_BYTES else Path("/tmp", folder.name)


def _is_ours(folder: Path) -> bool:
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022


def _make(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
    except OSError as error:
        raise StateError(
            "bad-home", f"The folder {folder} cannot be made: {error.strerror or error}.", where=str(folder)
        ) from error


def _check_private(folder: Path) -> None:
    """Whoever can write where the socket lies could answer in the engine's place. Checked without following a link."""
    if not _CHECKS_OWNERS:
        return
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise StateError(
            "bad-home", f"{folder} is not a folder of yours; remove it or set SLUICE_HOME.", where=str(folder)
        )
    if facts.st_mode & 0o077:
        folder.chmod(_OWNER_ONLY)
