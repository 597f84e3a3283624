"""What the window remembers for itself: its size, its columns, its colours and the last destination."""

from __future__ import annotations

from pathlib import PurePath

from PySide6.QtCore import QByteArray, QSettings

SCHEMES = ("system", "light", "dark")


class Prefs:
    """An ini file in the config folder; the engine's settings are not in here."""

    def __init__(self, config_folder: PurePath) -> None:
        self._file = QSettings(str(config_folder / "window.ini"), QSettings.Format.IniFormat)

    def bytes(self, name: str) -> QByteArray | None:
        """Geometry and the like, as Qt packs them."""
        value = self._file.value(name)
        return value if isinstance(value, QByteArray) else None

    def put(self, name: str, value: object) -> None:
        self._file.setValue(name, value)

    def text(self, name: str, default: str = "") -> str:
        value = self._file.value(name, default)
        return value if isinstance(value, str) else default

    def flag(self, name: str) -> bool:
        return self.text(name) == "yes"

    def put_flag(self, name: str, value: bool) -> None:
        self._file.setValue(name, "yes" if value else "no")

    @property
    def scheme(self) -> str:
        found = self.text("look/scheme", "system")
        return found if found in SCHEMES else "system"

    # --- the destination

    def destination(self) -> tuple[str, str, str]:
        """Account, bucket and prefix of the last time; empty strings at the first."""
        return self.text("destination/account"), self.text("destination/bucket"), self.text("destination/prefix")

    def bucket(self, account: str) -> str:
        """The bucket last used with an account."""
        return self.text(f"buckets/{_escaped(account)}")

    def remember_destination(self, account: str, bucket: str, prefix: str) -> None:
        self.put("destination/account", account)
        self.put("destination/bucket", bucket)
        self.put("destination/prefix", prefix)
        self.put(f"buckets/{_escaped(account)}", bucket)

    def save(self) -> None:
        self._file.sync()


def _escaped(name: str) -> str:
    """A name without what QSettings reads as a path."""
    return name.replace("/", "_").replace("\\", "_") or "_"
