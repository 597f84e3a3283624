"""What is chosen stays chosen, whatever the queue does."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QItemSelection, QItemSelectionModel, Qt
from PySide6.QtTest import QTest

from app.actions import Act
from app.views.main_window import MainWindow
from core.model.transfer import Conflict, State
from core.protocol.commands import (
    AnswerQuestions,
    CancelTransfers,
    ListTransfers,
    PauseTransfers,
    PrioritiseTransfers,
    RemoveTransfers,
)
from core.protocol.rows import Filter, Selection
from tests.support.fake_client import FakeClient, LazyRows, row
from tests.window.conftest import Desk

MILLION = 1_000_000


def click(window: MainWindow, position: int, *keys: Qt.KeyboardModifier) -> None:
    table = window.transfers.table
    modifiers = Qt.KeyboardModifier.NoModifier
    for key in keys:
        modifiers |= key
    where = table.visualRect(table.model().index(position, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifiers, where)


def selected_positions(window: MainWindow) -> set[int]:
    found = window.selection.selection().toList()
    return {position for span in found for position in range(span.top(), span.bottom() + 1)}


def test_clicks_with_and_without_keys_choose_transfers(desk: Desk):
    window = desk.open(FakeClient([row(n) for n in range(10, 30)]))
    click(window, 2)
    assert window.selection.chosen.ids == {12}
    click(window, 5, Qt.KeyboardModifier.ShiftModifier)
    assert window.selection.chosen.ids == {12, 13, 14, 15}
    click(window, 9, Qt.KeyboardModifier.ControlModifier)
    assert window.selection.chosen.ids == {12, 13, 14, 15, 19}
    click(window, 13 - 10, Qt.KeyboardModifier.ControlModifier)
    assert window.selection.chosen.ids == {12, 14, 15, 19}
    click(window, 0)
    assert window.selection.chosen.ids == {10}


def test_a_queue_in_motion_does_not_change_what_is_chosen(desk: Desk):
    client = FakeClient([row(n) for n in range(1, 21)])
    window = desk.open(client)
    click(window, 4)
    click(window, 6, Qt.KeyboardModifier.ControlModifier)
    assert selected_positions(window) == {4, 6}
    client.shuffle([7, 5, *(n for n in range(1, 21) if n not in (5, 7))])
    desk.until(lambda: selected_positions(window) == {0, 1})
    client.drop(7)
    desk.until(lambda: window.model.rowCount() == 19)
    assert window.selection.chosen.ids == {5, 7}, "gone from sight, not from the choice"
    assert selected_positions(window) == {0}
    assert window.selection.currentIndex().row() in (0, -1)
    window.intents.act(Act.PAUSE)
    desk.until(lambda: client.said(PauseTransfers))
    assert client.said(PauseTransfers)[0].selection == Selection(ids=(5, 7))


def test_select_all_is_a_flag_not_a_million_indexes(desk: Desk):
    client = FakeClient(LazyRows(MILLION))
    window = desk.open(client)
    table = window.transfers.table
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    chosen = window.selection.chosen
    assert chosen.everything
    assert not chosen.ids
    assert len(selected_positions(window)) <= 500
    assert "1,000,000 selected" in window.transfers.number.text()
    click(window, 3, Qt.KeyboardModifier.ControlModifier)
    window.intents.act(Act.PAUSE)
    desk.until(lambda: client.said(PauseTransfers))
    selection = client.said(PauseTransfers)[0].selection
    assert selection.everything
    assert selection.but == (4,)
    assert selection.view.filter is Filter.ALL
    table.scrollTo(window.model.index(900_000, 0))
    desk.until(lambda: window.model.transfer(900_000))
    assert 900_000 in selected_positions(window), "what comes into sight shows as chosen"


def test_a_stretch_beyond_the_window_is_looked_up(desk: Desk):
    client = FakeClient(LazyRows(5000))
    window = desk.open(client)
    model = window.model
    window.selection.select(model.index(10, 0), QItemSelectionModel.SelectionFlag.ClearAndSelect)
    span = QItemSelection(model.index(10, 0), model.index(1500, 5))
    window.selection.select(span, QItemSelectionModel.SelectionFlag.SelectCurrent)
    desk.until(lambda: not window.selection.gaps and len(window.selection.chosen.ids) == 1491)
    assert window.selection.chosen.ids == set(range(11, 1502))
    assert all(command.view.count <= 500 for command in client.said(ListTransfers))


def test_what_is_done_to_a_stretch_waits_until_it_is_known(desk: Desk):
    client = FakeClient(LazyRows(3000))
    window = desk.open(client)
    span = QItemSelection(window.model.index(0, 0), window.model.index(2999, 5))
    window.selection.select(span, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    assert window.selection.gaps
    window.intents.act(Act.PAUSE)
    desk.until(lambda: client.said(PauseTransfers))
    assert len(client.said(PauseTransfers)[0].selection.ids) == 3000


def test_a_letter_answers_all_chosen_questions(desk: Desk):
    asking = [row(n, State.ASKING, question="exists", answers=("overwrite", "skip")) for n in (1, 2)]
    client = FakeClient([*asking, row(3)])
    window = desk.open(client)
    window.transfers.table.selectAll()
    QTest.keyClick(window.transfers.table, Qt.Key.Key_S)
    desk.until(lambda: client.said(AnswerQuestions))
    assert client.said(AnswerQuestions)[0].answer is Conflict.SKIP
    QTest.keyClick(window.transfers.table, Qt.Key.Key_Escape)
    assert not window.selection.chosen


def test_typing_does_not_search_a_million_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    window = desk.open(FakeClient(LazyRows(MILLION)))
    mirror, asked = window.session.mirror, []
    look = mirror.at
    monkeypatch.setattr(mirror, "at", lambda position: asked.append(position) or look(position))
    QTest.keyClick(window.transfers.table, Qt.Key.Key_Z)
    assert len(asked) < 10_000


def test_another_filter_forgets_the_choice(desk: Desk):
    window = desk.open(FakeClient([row(n) for n in range(1, 9)]))
    window.transfers.table.selectAll()
    window.sidebar.filters.setCurrentRow(2)
    assert not window.selection.chosen


@pytest.mark.parametrize(
    ("state", "key", "kind"),
    [
        (State.RUNNING, Qt.Key.Key_Space, PauseTransfers),
        (State.RUNNING, Qt.Key.Key_Delete, CancelTransfers),
        (State.DONE, Qt.Key.Key_Delete, RemoveTransfers),
    ],
)
def test_keys_do_what_the_state_calls_for(desk: Desk, state: State, key: Qt.Key, kind: type):
    client = FakeClient([row(1, state), row(2)])
    window = desk.open(client)
    click(window, 0)
    QTest.keyClick(window.transfers.table, key)
    desk.until(lambda: client.said(kind))
    assert client.said(kind)[0].selection == Selection(ids=(1,))


def test_only_what_makes_sense_is_offered(desk: Desk):
    client = FakeClient([row(1, State.DONE), row(2, State.PAUSED)])
    window = desk.open(client)

    def offered() -> set[Act]:
        return {act for act, action in window.transfers.acts.items() if action.isEnabled()}

    assert offered() == set()
    click(window, 0)
    assert offered() == {Act.REMOVE}
    click(window, 1)
    assert offered() == {Act.RESUME, Act.CANCEL, Act.SOONER, Act.LATER}
    client.put(row(2, State.DONE))
    desk.until(lambda: offered() == {Act.REMOVE}, "the buttons follow the row")


def test_sooner_goes_above_the_highest_of_the_chosen(desk: Desk):
    client = FakeClient([row(1, priority=3), row(2)])
    window = desk.open(client)
    window.transfers.table.selectAll()
    window.transfers.acts[Act.SOONER].trigger()
    desk.until(lambda: client.said(PrioritiseTransfers))
    assert client.said(PrioritiseTransfers)[0].priority == 4


def test_cancelling_many_is_asked_about_first(desk: Desk):
    client = FakeClient([row(n) for n in range(1, 41)])
    window = desk.open(client)
    window.transfers.table.selectAll()
    window.intents.delete()
    desk.pause(0.05)
    assert not client.said(CancelTransfers)
    note = window.notes.note
    assert note is not None
    assert "40" in note.sentence
    note.buttons[0][1]()
    desk.until(lambda: client.said(CancelTransfers))
    assert client.said(CancelTransfers)[0].selection.everything
