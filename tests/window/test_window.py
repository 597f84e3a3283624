"""The frame: the engine's comings and goings, counts, notes, rows that ask, looks, and the way out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QWidget

from app.dialogs.error_dialog import ErrorDialog
from app.models.transfer_table import Column
from app.session import Link
from app.theme import DARK, LIGHT, theme
from app.views.main_window import MainWindow
from app.widgets.transfer_delegate import TransferDelegate
from core.model.account import Account
from core.model.errors import ErrorRecord, NetworkError
from core.model.settings import Settings
from core.model.transfer import Conflict, Direction, State
from core.protocol.commands import (
    AnswerQuestions,
    ChangeSettings,
    PauseTransfers,
    RemoveAccount,
    ResumeTransfers,
    RetryTransfers,
    StopEngine,
)
from core.protocol.events import Delta
from core.protocol.rows import AccountRow, Filter, Totals
from tests.support.fake_client import FakeClient, row
from tests.window.conftest import Desk

FAILURE = ErrorRecord(
    kind="RemoteError", code="access-denied", sentence="The key may not write here.", detail="403", request_id="tx1"
)


def asking(number: int, **fields):
    return row(number, State.ASKING, question="exists", answers=("overwrite", "rename", "skip"), **fields)


# --- the link


def test_the_window_stands_while_the_engine_starts_and_after_it_is_lost(desk: Desk):
    clients = [FakeClient([row(1)]), FakeClient([row(1), row(2)])]
    attempts = iter([NetworkError("no-engine", "No engine is running."), clients[0], clients[1]])

    async def connect(_may_start: bool) -> FakeClient:
        answer = next(attempts)
        if isinstance(answer, Exception):
            raise answer
        return answer

    window = desk.window(connect)
    seen: list[tuple[Link, str, int]] = []
    lamp, model = window.totals.lamp, window.model
    window.session.link_changed.connect(lambda: seen.append((window.session.link, lamp.words, model.rowCount())))
    assert lamp.words == "Starting the engine…"
    desk.until(lambda: model.rowCount() == 1)
    clients[0].lose()
    desk.until(lambda: model.rowCount() == 2)
    assert seen == [
        (Link.STARTING, "Starting the engine…", 0),
        (Link.CONNECTED, "Engine ready", 0),
        (Link.LOST, "Engine lost, reconnecting…", 1),  # what was seen stays in sight
        (Link.CONNECTED, "Engine ready", 1),
    ]
    assert clients[0].closed


def test_an_engine_that_was_stopped_stays_stopped_until_it_is_wanted(desk: Desk):
    clients = [FakeClient([row(1)]), FakeClient([row(1)])]
    starts: list[bool] = []

    async def connect(may_start: bool) -> FakeClient:
        starts.append(may_start)
        if not may_start:
            raise NetworkError("no-engine", "No engine is running.")
        return clients[starts.count(True) - 1]

    window = desk.window(connect)
    desk.until(lambda: window.session.link is Link.CONNECTED)
    clients[0].notify("engine-stopping", "The engine stops.")
    clients[0].lose()
    desk.until(lambda: len(starts) >= 3, "looks for another one now and then")
    assert starts[1:] == [False] * (len(starts) - 1)
    assert window.totals.lamp.words == "Engine stopped"
    assert window.notes.note.buttons[0][0] == "Start it again"
    window.toolbar.pause_all.trigger()
    desk.until(lambda: clients[1].said(PauseTransfers), "who wants something starts it")
    assert window.totals.lamp.words == "Engine ready"


def test_a_gap_in_the_events_is_healed_by_a_new_picture(desk: Desk):
    client = FakeClient([row(1)])
    window = desk.open(client)
    watch = client.watches[0]
    watch.send(Delta(seq=99, rows=(row(1, State.FAILED),)))
    desk.until(lambda: len(watch.views) == 2)
    client.put(row(1, State.DONE))
    desk.until(lambda: window.model.transfer(0).state is State.DONE)


def test_a_notice_is_told_and_numbered_with_the_rest(desk: Desk):
    client = FakeClient([row(1)])
    window = desk.open(client)
    client.notify("account-held", "The key of “Lab” has expired.")
    client.put(row(1, State.DONE))
    desk.until(lambda: window.model.transfer(0).state is State.DONE)
    assert window.notes.note.sentence == "The key of “Lab” has expired."
    assert len(client.watches[0].views) == 1, "no gap was seen"


def test_our_own_mistakes_are_said_in_the_window(desk: Desk, caplog: pytest.LogCaptureFixture):
    window = desk.open(FakeClient())

    async def mistake() -> None:
        raise KeyError("oops")

    window.session.tasks.start(mistake(), "a mistake")
    desk.until(lambda: window.notes.note)
    assert "KeyError" in window.notes.note.sentence
    assert "oops" in caplog.text
    window.notes.note.buttons[0][1]()
    assert "internal" in window.findChild(ErrorDialog).facts.toPlainText()


# --- what is shown


def test_counts_totals_and_held_accounts_are_shown(desk: Desk):
    client = FakeClient([row(1, State.RUNNING), row(2, State.FAILED, error=FAILURE), row(3)])
    client.totals = Totals(up_bps=115.4e6, moving=1, left_bytes=270 << 30, left_s=2520)
    client.accounts.append(AccountRow(account=Account(name="Lab", endpoint="https://lab.example")))
    client.held = {"Lab": FAILURE}
    window = desk.open(client)
    filters = window.sidebar.filters
    spoken = [filters.item(n).data(Qt.ItemDataRole.AccessibleTextRole) for n in range(filters.count())]
    assert spoken == ["All, 3", "Moving, 1", "Waiting, 1", "Paused, 0", "Needs you, 1", "Done, 0"]
    assert window.totals.up.rate.text() == "115.4 MB/s"
    assert window.totals.left.text() == "270.0 GiB left, all done in about 42 min"
    lab = window.sidebar.places.item(1)
    assert lab.data(Qt.ItemDataRole.AccessibleTextRole) == "Lab: The key may not write here."


def test_an_empty_queue_invites_and_an_empty_filter_says_so(desk: Desk):
    window = desk.open(FakeClient())
    empty = window.transfers.empty
    assert empty.isVisible()
    assert "my-first-bucket/ in “Try it here”" in empty.line.text()
    assert empty.button.isVisible()
    window.sidebar.filters.setCurrentRow(list(Filter).index(Filter.PAUSED))
    assert empty.line.text() == "Nothing is paused."
    assert not empty.button.isVisible()


def test_details_tell_the_whole_of_one_transfer(desk: Desk):
    moving = row(1, State.RUNNING, direction=Direction.DOWN, source="s3://b/long/way/a.bin",
                 destination="/home/me/a.bin", parts=640, parts_done=412, committed_bytes=100,
                 resent_bytes=8 << 20)  # fmt: skip
    client = FakeClient([moving, row(2)])
    window = desk.open(client)
    details = window.transfers.details
    window.selection.choose(1)
    assert details.isVisible()
    assert [details.fields[key].text() for key in ("From", "To")] == ["s3://b/long/way/a.bin", "/home/me/a.bin"]
    assert details.fields["Parts"].text() == "412 of 640 stored  ·  8.0 MiB sent again"
    client.put(replace(moving, state=State.DONE, verified_by="crc64nvme"))
    desk.until(lambda: details.fields["Verified by"].text() == "CRC-64 checksum on both sides")
    window.transfers.table.selectAll()
    assert not details.isVisible()


# --- rows that ask


def link_point(window: MainWindow, position: int, answer: str) -> QPoint:
    delegate = window.transfers.table.itemDelegate()
    assert isinstance(delegate, TransferDelegate)
    places = {name: rect for name, rect, _ in delegate.links(window.model.transfer(position), position)}
    return places[answer].center().toPoint()


@pytest.mark.parametrize("size", [(1100, 700), (800, 500)])
@pytest.mark.parametrize("answer", ["overwrite", "rename", "skip"])
def test_a_question_is_answered_in_its_row(desk: Desk, answer: str, size: tuple[int, int]):
    client = FakeClient([row(1), asking(2)])
    window = desk.open(client, size)
    viewport = window.transfers.table.viewport()
    point = link_point(window, 1, answer)
    assert viewport.rect().contains(point)
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=point)
    desk.until(lambda: client.said(AnswerQuestions))
    said = client.said(AnswerQuestions)[0]
    assert (said.selection.ids, said.answer, said.for_batch) == ((2,), Conflict(answer), False)
    assert not window.selection.chosen, "a link is no selection"


def test_a_question_can_be_answered_for_its_batch_with_buttons(desk: Desk):
    client = FakeClient([asking(1)])
    window = desk.open(client)
    window.selection.choose(1)
    details = window.transfers.details
    details.for_batch.setChecked(True)
    buttons = [details.buttons.itemAt(n).widget() for n in range(details.buttons.count())]
    keep = next(one for one in buttons if isinstance(one, QAbstractButton) and one.text() == "Keep both")
    assert keep.accessibleName() == "Keep both file-1.bin"
    keep.click()
    desk.until(lambda: client.said(AnswerQuestions))
    assert client.said(AnswerQuestions)[0].for_batch


def test_a_failure_offers_another_try_and_its_story(desk: Desk):
    client = FakeClient([row(1, State.FAILED, error=FAILURE)])
    window = desk.open(client)
    QTest.mouseClick(window.transfers.table.viewport(), Qt.MouseButton.LeftButton, pos=link_point(window, 0, "retry"))
    desk.until(lambda: client.said(RetryTransfers))
    window.selection.choose(1)
    window.transfers.details.error_asked.emit(window.model.transfer(0))
    facts = window.findChild(ErrorDialog).facts.toPlainText()
    assert "access-denied" in facts
    assert "tx1" in facts


def test_links_stay_in_sight_beside_a_long_sentence(desk: Desk):
    long = replace(FAILURE, sentence="A very long sentence about what went wrong. " * 8)
    window = desk.open(FakeClient([row(1, State.FAILED, error=long)]), size=(800, 500))
    table = window.transfers.table
    point = link_point(window, 0, "retry")
    assert table.columnAt(point.x()) in (Column.PROGRESS, Column.SPEED, Column.LEFT)


# --- the whole queue


def test_everything_can_be_paused_and_resumed(desk: Desk):
    client = FakeClient([row(1)])
    window = desk.open(client)
    window.toolbar.pause_all.trigger()
    window.toolbar.resume_all.trigger()
    desk.until(lambda: client.said(ResumeTransfers))
    assert client.said(PauseTransfers)[0].selection.everything
    assert client.said(ResumeTransfers)[0].selection.everything


def test_a_limit_is_set_from_the_menu_and_shown(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    menu = window.toolbar.limit.menu()
    next(action for action in menu.actions() if action.text() == "5 MB/s").trigger()
    desk.until(lambda: client.settings.limit_up_bps == 5_000_000)
    desk.until(lambda: "5.0 MB/s" in window.toolbar.limit.text())
    menu.actions()[0].trigger()
    desk.until(lambda: client.settings == Settings())
    assert client.said(ChangeSettings)[0].changes == {"limit_up_bps": "5 MB/s", "limit_down_bps": "5 MB/s"}


def test_an_account_is_removed_after_a_question_in_place(desk: Desk):
    client = FakeClient()
    client.accounts.append(AccountRow(account=Account(name="Lab", endpoint="https://lab.example")))
    window = desk.open(client)
    window.sidebar.remove_account_asked.emit(client.accounts[1])
    assert not client.said(RemoveAccount)
    window.notes.note.buttons[0][1]()
    desk.until(lambda: window.sidebar.places.count() == 1)
    assert client.said(RemoveAccount) == [RemoveAccount(name="Lab")]


# --- looks and names


def test_the_scheme_can_change_at_any_time(desk: Desk):
    window = desk.open(FakeClient([row(1)]))
    for wish, tokens in (("dark", DARK), ("light", LIGHT)):
        window.prefs.put("look/scheme", wish)
        window.apply_look()
        assert theme.tokens is tokens
        assert window.palette().window().color().name() == tokens.window
    window.prefs.put_flag("look/compact", True)
    window.apply_look()
    assert window.transfers.table.rowHeight(0) == 22


def test_everything_that_can_be_pressed_has_a_name(desk: Desk):
    window = desk.open(FakeClient([asking(1)]))
    window.selection.choose(1)
    nameless = [
        widget
        for widget in window.findChildren(QWidget)
        if isinstance(widget, (QAbstractButton, QLineEdit))
        and not (widget.accessibleName() or getattr(widget, "text", str)())
        and not isinstance(widget.parent(), QLineEdit)
        and not widget.objectName().startswith("qt_")
        and type(widget).__name__ != "QTableCornerButton"
    ]
    assert not [(type(one).__name__, one.objectName()) for one in nameless]


def test_geometry_and_columns_are_remembered(desk: Desk):
    window = desk.open(FakeClient([row(1)]))
    window.resize(1234, 678)
    window.transfers.table.horizontalHeader().resizeSection(Column.STATE, 150)
    window.close()
    again = desk.open(FakeClient([row(1)]), size=(1234, 678))
    assert again.transfers.table.columnWidth(Column.STATE) == 150
    assert Column.STATE in again.transfers.table.by_hand


def test_closing_is_announced_and_the_engine_is_left_alone(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    heard = []
    window.closing.connect(lambda: heard.append("closing"))
    window.close()
    assert heard == ["closing"]
    desk.run(window.session.close())
    assert client.closed
    assert not client.said(StopEngine)


def test_stopping_the_engine_too_is_a_choice(desk: Desk):
    client = FakeClient()
    window = desk.open(client)
    heard = []
    window.closing.connect(lambda: heard.append("closing"))
    window.toolbar.stop_asked.emit()
    desk.until(lambda: heard)
    assert client.said(StopEngine)
