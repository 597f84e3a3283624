"""The pane below the table: one chosen transfer in full, with its question or its problem and the cure."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from app import row_text, text
from app.theme import tabular
from app.widgets.check_box import CheckBox
from app.widgets.elided_label import ElidedLabel
from app.widgets.plain import icon_button, label, looking, push_button
from app.widgets.progress import BAR_HEIGHT, paint_bar
from core.model.transfer import Direction, State
from core.model.units import format_duration, format_rate, format_size
from core.protocol.rows import TransferRow


class Details(QWidget):
    """Shows a row; emits what is answered."""

    answered = Signal(int, str, bool)  # transfer, answer or `retry`, for the whole batch
    error_asked = Signal(object)  # a TransferRow
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        looking(self, "surface")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(text.DETAILS)
        self.row: TransferRow | None = None
        self.name = ElidedLabel("title")
        self.bar = _Bar()
        self.amount = label(look="muted")
        self.amount.setFont(tabular(self.amount.font()))
        self.fields = {key: ElidedLabel() for key in (text.FROM, text.TO, text.PARTS, text.PROOF, text.TIME)}
        self.problem = label(wrapped=True)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.buttons = QHBoxLayout()
        self.for_batch = CheckBox(text.FOR_BATCH)
        self._offered: tuple[int, tuple[str, ...]] | None = None
        self._lay_out()

    def _lay_out(self) -> None:
        close = icon_button("close", text.CLOSE_DETAILS)
        close.clicked.connect(self.closed)
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 8, 8, 12)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.addWidget(self.name, 0, 0, 1, 4)
        grid.addWidget(close, 0, 4)
        progress = QHBoxLayout()
        progress.setSpacing(12)
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.amount)
        grid.addLayout(progress, 1, 0, 1, 4)
        self._labels: dict[str, QLabel] = {}
        places = {
            text.FROM: (2, 0, 3),
            text.TO: (3, 0, 3),
            text.PARTS: (4, 0, 1),
            text.TIME: (4, 2, 1),
            text.PROOF: (5, 0, 3),
        }
        for key, (line, column, span) in places.items():
            self._labels[key] = label(key, "muted")
            self._labels[key].setBuddy(self.fields[key])
            grid.addWidget(self._labels[key], line, column, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self.fields[key], line, column + 1, 1, span)
        grid.addWidget(self.problem, 6, 0, 1, 4)
        self.buttons.setSpacing(8)
        grid.addLayout(self.buttons, 7, 0, 1, 4)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        grid.setRowStretch(8, 1)

    def show_row(self, row: TransferRow) -> None:
        """Show this transfer as it is now."""
        if row == self.row:
            return
        self.row = row
        self.name.put(row.name)
        self.bar.show_row(row)
        self.amount.setText(_amount(row))
        self._put(text.FROM, row.source)
        self._put(text.TO, row.destination)
        self._put(text.PARTS, _parts(row))
        self._put(text.PROOF, row_text.proof(row))
        self._put(text.TIME, _time(row))
        self._put_problem(row)
        self._offer(row)

    def _put(self, key: str, words: str) -> None:
        self.fields[key].put(words)
        self.fields[key].setVisible(bool(words))
        self._labels[key].setVisible(bool(words))

    def _put_problem(self, row: TransferRow) -> None:
        words, tone = "", ""
        if row.state is State.ASKING and row.question == "exists":
            words, tone = (text.SAME_NAME_LOCAL if row.direction is Direction.DOWN else text.SAME_NAME), "warn"
        elif row.error is not None and row.state in (State.FAILED, State.WAITING):
            words, tone = row.error.sentence, "bad" if row.state is State.FAILED else "warn"
        self.problem.setText(words)
        self.problem.setVisible(bool(words))
        self.problem.setProperty("tone", tone)
        self.problem.style().polish(self.problem)

    def _offer(self, row: TransferRow) -> None:
        """The buttons that go with the question or the problem; left alone while they stay the same."""
        offered = row_text.links(row)
        detailed = row.error is not None
        key = (row.id, (*(answer for answer, _ in offered), "error" if detailed else ""))
        if key == self._offered:
            return
        self._offered = key
        self.for_batch.setParent(None)
        while (item := self.buttons.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().deleteLater()
        for answer, words in offered:
            button = push_button(words, text.answer_name(words, row.name))
            button.clicked.connect(partial(self._answer, answer))
            self.buttons.addWidget(button)
        if row.state is State.ASKING:
            self.for_batch.setChecked(False)
            self.buttons.addWidget(self.for_batch)
        if detailed:
            button = push_button(text.DETAILS_BUTTON, text.SHOW_ERROR)
            button.clicked.connect(lambda: self.error_asked.emit(self.row))
            self.buttons.addWidget(button)
        self.buttons.addStretch(1)

    def _answer(self, answer: str, _checked: bool = False) -> None:
        if self.row is not None:
            self.answered.emit(self.row.id, answer, self.for_batch.isChecked())


def _amount(row: TransferRow) -> str:
    words = [text.size_of(format_size(row.committed_bytes), format_size(row.size_bytes))]
    if row.state is State.RUNNING and row.rate_bps > 0:
        words.append(format_rate(row.rate_bps))
    return "  ·  ".join(words)


def _parts(row: TransferRow) -> str:
    words = [text.parts(row.parts_done, row.parts)] if row.parts > 1 else []
    if row.resent_bytes:
        words.append(text.resent(format_size(row.resent_bytes)))
    return "  ·  ".join(words)


def _time(row: TransferRow) -> str:
    if row.seconds < 1:
        return ""
    return text.took(format_duration(row.seconds), format_rate(row.committed_bytes / row.seconds))


class _Bar(QWidget):
    """The same bar as in the table, wider."""

    def __init__(self) -> None:
        super().__init__()
        self._row: TransferRow | None = None
        self.setFixedHeight(BAR_HEIGHT + 8)

    def show_row(self, row: TransferRow) -> None:
        self._row = row
        self.setAccessibleName(row_text.spoken_progress(row))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._row is not None:
            committed, flying = row_text.shares(self._row)
            token = {State.DONE: "good", State.RUNNING: "accent", State.QUEUED: "accent"}.get(self._row.state, "faint")
            paint_bar(QPainter(self), self.rect().toRectF(), committed, flying, token=token)
