"""The system's own file dialogs, opened without waiting; they start where the last one ended."""

from __future__ import annotations

import os
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from app import text
from app.prefs import Prefs

_FOLDER = "files/folder"


def files(parent: QWidget, prefs: Prefs, deed: Callable[[list[str]], None]) -> QFileDialog:
    """Some files; `deed` gets their paths."""
    dialog = QFileDialog(parent, text.ADD_FILES.rstrip("…"), prefs.text(_FOLDER, os.path.expanduser("~")))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)

    def chosen(paths: list[str]) -> None:
        prefs.put(_FOLDER, os.path.dirname(paths[0]))
        deed(paths)

    dialog.filesSelected.connect(chosen)
    return dialog


def folder(parent: QWidget, prefs: Prefs, deed: Callable[[str], None]) -> QFileDialog:
    """One folder; `deed` gets its path."""
    dialog = _folder_dialog(parent, text.ADD_FOLDER.rstrip("…"), prefs.text(_FOLDER, os.path.expanduser("~")))

    def chosen(path: str) -> None:
        prefs.put(_FOLDER, os.path.dirname(path))
        deed(path)

    dialog.fileSelected.connect(chosen)
    return dialog


def pick_folder(parent: QWidget, start: str, deed: Callable[[str], None]) -> QFileDialog:
    """A folder for a field of another dialog."""
    dialog = _folder_dialog(parent, text.BROWSE.rstrip("…"), start)
    dialog.fileSelected.connect(deed)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def pick_file(parent: QWidget, start: str, deed: Callable[[str], None]) -> QFileDialog:
    """A file for a field of another dialog."""
    dialog = QFileDialog(parent, text.BROWSE.rstrip("…"), os.path.dirname(start))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.fileSelected.connect(deed)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog


def _folder_dialog(parent: QWidget, title: str, start: str) -> QFileDialog:
    dialog = QFileDialog(parent, title, start)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    return dialog
