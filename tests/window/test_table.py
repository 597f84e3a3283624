"""The table over long queues: what is fetched, what is told to Qt, how it is sorted and filtered."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.mirror import Mirror
from app.models.transfer_table import ROW_ROLE, Column, TransferTable
from core.model.transfer import State
from core.protocol.events import Delta, Snapshot
from core.protocol.rows import Filter, Order, Totals, View
from tests.support.fake_client import FakeClient, LazyRows, row
from tests.window.conftest import Desk

MILLION = 1_000_000


def snapshot(first: int, count: int, total: int, seq: int = 1) -> Snapshot:
    return Snapshot(
        seq=seq,
        view=View(first=first, count=count),
        total=total,
        rows=tuple(row(number) for number in range(first, min(first + count, total))),
        counts={},
        totals=Totals(),
        held={},
    )


class Heard:
    """What a model tells its views."""

    def __init__(self, model: TransferTable) -> None:
        self.spans: list[tuple[int, int]] = []
        self.resets = 0
        model.dataChanged.connect(lambda top, bottom, *_: self.spans.append((top.row(), bottom.row())))
        model.modelReset.connect(self._reset)

    def _reset(self) -> None:
        self.resets += 1


def test_rows_outside_the_fetched_window_are_blank(qapp):
    mirror = Mirror()
    model = TransferTable(mirror)
    model.changed(mirror.apply(snapshot(1000, 50, MILLION)))
    assert model.rowCount() == MILLION
    assert model.index(1020, Column.NAME).data() == "file-1020.bin"
    assert model.index(1020, Column.NAME).data(ROW_ROLE).id == 1020
    for outside in (0, 999, 1050, MILLION - 1):
        assert model.index(outside, Column.NAME).data() is None
        assert model.index(outside, Column.STATE).data(ROW_ROLE) is None


def test_a_delta_is_one_ranged_signal_over_what_changed(qapp):
    mirror = Mirror()
    model = TransferTable(mirror)
    model.changed(mirror.apply(snapshot(100, 50, 1000)))
    heard = Heard(model)
    changed = tuple(row(number, State.RUNNING, committed_bytes=5) for number in (110, 112, 131))
    model.changed(mirror.apply(Delta(seq=2, rows=changed)))
    assert heard.spans == [(110, 131)]
    model.changed(mirror.apply(Delta(seq=3, totals=Totals(moving=3))))
    assert heard.spans == [(110, 131)], "totals are no rows"
    assert heard.resets == 0


def test_the_end_of_the_table_moves_without_a_reset(qapp):
    mirror = Mirror()
    model = TransferTable(mirror)
    heard = Heard(model)
    for seq, total in enumerate((10, 500, 40, 0, 7), start=1):
        count = min(total, 100)
        model.changed(mirror.apply(snapshot(0, count, total, seq)))
        assert model.rowCount() == total
    assert heard.resets == 0


def test_a_million_rows_are_shown_by_looking_at_a_few_hundred(desk: Desk):
    lazy = LazyRows(MILLION)
    client = FakeClient(lazy)
    window = desk.open(client)
    table = window.transfers.table
    desk.until(lambda: table.model().rowCount() == MILLION)
    asked_before = len(client.watches[0].views)
    for position in (MILLION // 2, MILLION - 1, 12, 700_000):
        table.scrollTo(table.model().index(position, 0))
        desk.until(lambda position=position: table.model().index(position, 0).data(), f"row {position}")
    views = client.watches[0].views
    assert all(view.count <= 500 for view in views)
    assert len(views) - asked_before == 4, "one look for each place"
    assert len(lazy.made) < 5 * 500


def test_scrolling_a_little_asks_for_nothing(desk: Desk):
    client = FakeClient(LazyRows(5000))
    window = desk.open(client)
    table = window.transfers.table
    table.scrollTo(table.model().index(2000, 0))
    desk.until(lambda: table.model().index(2000, 0).data())
    looks = len(client.watches[0].views)
    table.verticalScrollBar().setValue(table.verticalScrollBar().value() + 3 * 28)
    desk.pause(0.1)
    assert len(client.watches[0].views) == looks


def test_sorting_and_filtering_are_the_engines_work(desk: Desk):
    client = FakeClient([row(n, State.DONE if n % 2 else State.QUEUED, size_bytes=n * 1000) for n in range(1, 60)])
    window = desk.open(client)
    table, header = window.transfers.table, window.transfers.table.horizontalHeader()
    middle = QPoint(header.sectionViewportPosition(Column.PROGRESS) + 20, header.height() // 2)
    orders = []
    for _ in range(3):
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=middle)
        orders.append((client.watches[0].view.order, client.watches[0].view.descending))
    assert orders == [(Order.SIZE, False), (Order.SIZE, True), (Order.QUEUE, False)]
    window.sidebar.filters.setCurrentRow(list(Filter).index(Filter.DONE))
    desk.until(lambda: table.model().rowCount() == 30)
    window.toolbar.search.setText("file-7.")
    desk.until(lambda: table.model().rowCount() == 1)
    assert table.model().index(0, Column.NAME).data() == "file-7.bin"
    assert client.watches[0].view == View(filter=Filter.DONE, search="file-7.", count=client.watches[0].view.count)


def test_headers_have_selection_models_of_their_own(desk: Desk):
    table = desk.open(FakeClient([row(1)])).transfers.table
    for header in (table.horizontalHeader(), table.verticalHeader()):
        assert header.selectionModel() is not table.selectionModel()


def test_cells_speak_to_screen_readers(desk: Desk):
    moving = row(1, State.RUNNING, size_bytes=1000, committed_bytes=410, flying_bytes=100)
    asking = row(2, State.ASKING, question="exists", answers=("overwrite", "skip"))
    window = desk.open(FakeClient([moving, asking]))
    model = window.model
    spoken = [model.index(at, Column.PROGRESS).data(Qt.ItemDataRole.AccessibleTextRole) for at in (0, 1)]
    assert spoken == ["41 percent stored, 100 B in flight", "Exists already: Overwrite Skip"]
    assert model.index(0, Column.STATE).data(Qt.ItemDataRole.AccessibleTextRole) == "moving"


def test_narrow_windows_leave_the_place_to_the_details(desk: Desk):
    window = desk.open(FakeClient([row(n) for n in range(5)]), size=(800, 500))
    assert window.transfers.table.isColumnHidden(Column.PLACE)
    window.resize(1100, 700)
    desk.pause(0.05)
    assert not window.transfers.table.isColumnHidden(Column.PLACE)
