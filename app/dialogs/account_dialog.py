"""An account: where it is, how to speak to it, its keys, and whether all that works."""

from __future__ import annotations

import json
from importlib import resources

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QPushButton, QToolButton, QWidget

from app import text
from app.destination import Destination
from app.dialogs.file_choice import pick_file, pick_folder
from app.dialogs.form import Form, beside, line
from app.session import Session
from app.widgets.check_box import CheckBox
from app.widgets.combo_box import ComboBox
from app.widgets.icon_label import IconLabel
from app.widgets.plain import icon_button, label
from core.model.account import Account, AccountKind
from core.model.errors import CoreError
from core.protocol.commands import PutAccount, TestAccount
from core.protocol.rows import AccountRow, CheckRow


class AccountDialog(Form):
    """Makes an account or changes one. The secret goes into PutAccount and nowhere else; then the field is cleared."""

    def __init__(self, parent: QWidget, session: Session, destination: Destination, row: AccountRow | None) -> None:
        name = row.account.name if row is not None else ""
        title = text.ACCOUNT_TITLE_EDIT.format(name=name) if row is not None else text.ACCOUNT_TITLE_NEW
        super().__init__(parent, title, width=500)
        self._session, self._destination, self._old = session, destination, row
        self._make_fields(row)
        self._make_checks()
        self.button(text.CANCEL_DIALOG, self.reject)
        self.test = self.button(text.SAVE_AND_TEST, lambda: self.save(testing=True))
        self.save_button = self.button(text.SAVE, lambda: self.save(testing=False), primary=True)
        if row is not None:
            self._show(row)
        else:
            self._preset_chosen()

    # --- making

    def _make_fields(self, row: AccountRow | None) -> None:
        self.preset = ComboBox()
        for preset in _presets():
            self.preset.addItem(preset["name"], preset)
        self.preset.addItem(text.PRESET_CUSTOM, {"endpoint": "", "region": "", "path_style": True, "custom": True})
        self.preset.addItem(text.PRESET_LOCAL, None)
        self.preset.activated.connect(lambda _: self._preset_chosen())
        self.name = line(hint=text.ACCOUNT_NAME_HINT)
        self.endpoint, self.region = line(hint=text.ENDPOINT_HINT), line(hint=text.REGION_HINT)
        self.path_style = CheckBox(text.PATH_STYLE)
        self.access_key = line(hint=text.ACCESS_KEY_HINT)
        self.secret = line(hint=text.SECRET_KEPT.format(where=row.secret) if row is not None and row.secret else "")
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.secret.setInputMethodHints(Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText)
        self.ca_file, self.root = line(hint=text.CA_HINT), line()
        self.memory_only = CheckBox(text.MEMORY_ONLY)
        self._secret_row = beside(self.secret, self._eye())
        self._ca_row = beside(self.ca_file, self._browse(pick_file, self.ca_file))
        self._root_row = beside(self.root, self._browse(pick_folder, self.root))
        rows = (
            (text.PRESET, self.preset), (text.ACCOUNT_NAME, self.name), (text.ENDPOINT, self.endpoint),
            (text.REGION, self.region), ("", self.path_style), (text.ACCESS_KEY, self.access_key),
            (text.SECRET, self._secret_row), ("", self.memory_only), (text.CA_FILE, self._ca_row),
            (text.FOLDER, self._root_row),
        )  # fmt: skip
        for words, field in rows:
            self.row(words, field, name=words or field.property("text"))
        for field, words in ((self.secret, text.SECRET), (self.ca_file, text.CA_FILE), (self.root, text.FOLDER)):
            field.setAccessibleName(words)
        self.show_row(self.memory_only, False)

    def _eye(self) -> QToolButton:
        eye = icon_button("eye", text.SHOW_SECRET)
        eye.setCheckable(True)
        modes = {True: QLineEdit.EchoMode.Normal, False: QLineEdit.EchoMode.Password}
        eye.toggled.connect(lambda on: self.secret.setEchoMode(modes[on]))
        return eye

    def _browse(self, pick, field: QLineEdit) -> QPushButton:
        button = QPushButton(text.BROWSE)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: pick(self, field.text(), field.setText))
        return button

    def _make_checks(self) -> None:
        self._checks_box = QWidget()
        self.checks = QGridLayout(self._checks_box)
        self.checks.setContentsMargins(0, 4, 0, 0)
        self.checks.setVerticalSpacing(4)
        self.checks.setHorizontalSpacing(8)
        self.checks.setColumnStretch(2, 1)
        self._checks_box.hide()
        self.body.addWidget(self._checks_box)

    # --- showing

    @property
    def is_local(self) -> bool:
        return self.preset.currentData() is None

    def _preset_chosen(self) -> None:
        preset = self.preset.currentData()
        if preset is not None:
            self.endpoint.setText(preset["endpoint"])
            self.region.setText(preset["region"])
            self.path_style.setChecked(preset["path_style"])
        amazon = preset is not None and not preset["endpoint"] and not preset.get("custom")
        self.endpoint.setPlaceholderText(text.ENDPOINT_AWS if amazon else text.ENDPOINT_HINT)
        self._fit_kind()

    def _fit_kind(self) -> None:
        local = self.is_local
        remote_only = (self.endpoint, self.region, self.path_style, self.access_key, self._secret_row, self._ca_row)
        for field in remote_only:
            self.show_row(field, not local)
        self.show_row(self._root_row, local)

    def _show(self, row: AccountRow) -> None:
        account = row.account
        self.preset.setCurrentIndex(_preset_of(account, self.preset))
        self.name.setText(account.name)
        self.name.setReadOnly(True)  # the name is the key of the secret
        self.endpoint.setText(account.endpoint)
        self.region.setText(account.region)
        self.path_style.setChecked(account.path_style)
        self.access_key.setText(account.access_key)
        self.ca_file.setText(account.ca_file)
        self.root.setText(account.root)
        self._fit_kind()

    def account(self) -> Account:
        """What the fields say."""
        old = self._old.account if self._old is not None else Account(name="")
        if self.is_local:
            return Account(name=self.name.text().strip(), kind=AccountKind.LOCAL, root=self.root.text().strip())
        return Account(
            name=self.name.text().strip(),
            endpoint=self.endpoint.text().strip(),
            region=self.region.text().strip(),
            path_style=self.path_style.isChecked(),
            access_key=self.access_key.text().strip(),
            profile=old.profile,
            ca_file=self.ca_file.text().strip(),
            limit_up_bps=old.limit_up_bps,
            limit_down_bps=old.limit_down_bps,
        )

    # --- saving and testing

    def save(self, *, testing: bool) -> None:
        self._busy(True, text.TESTING if testing else "")
        self._session.tasks.start(self._save(testing), "save account")

    def _busy(self, busy: bool, words: str = "") -> None:
        self.save_button.setEnabled(not busy)
        self.test.setEnabled(not busy)
        self.test.setText(words or text.SAVE_AND_TEST)

    async def _save(self, testing: bool) -> None:
        secret = self.secret.text() or None
        command = PutAccount(account=self.account(), secret=secret, memory_only=self.memory_only.isChecked())
        try:
            self._old = await self._session.call(command)
            self.secret.clear()
            self.complain("")
            await self._session.load_accounts()
            if testing:
                self._show_checks((await self._session.call(TestAccount(name=command.account.name))).steps)
        except CoreError as error:
            self.complain(error.sentence)
            if "keyring" in error.code or "secret" in error.code:
                self.show_row(self.memory_only, True)
            return
        finally:
            self._busy(False)
        self.name.setReadOnly(True)
        self._destination.choose_account(command.account.name)
        if not testing:
            self.accept()

    def _show_checks(self, steps: tuple[CheckRow, ...]) -> None:
        while (item := self.checks.takeAt(0)) is not None:
            item.widget().deleteLater()
        for number, step in enumerate(steps):
            mark = IconLabel("check" if step.ok else "close", "good" if step.ok else "bad", 14)
            verdict = text.CHECK_OK if step.ok else text.CHECK_FAILED
            sentence = label(step.sentence, wrapped=True)
            sentence.setAccessibleName(f"{step.step} {verdict}: {step.sentence}")
            if not step.ok:
                sentence.setProperty("tone", "bad")
            self.checks.addWidget(mark, number, 0, Qt.AlignmentFlag.AlignTop)
            self.checks.addWidget(label(step.step, "muted"), number, 1, Qt.AlignmentFlag.AlignTop)
            self.checks.addWidget(sentence, number, 2)
        self._checks_box.setVisible(bool(steps))


def _presets() -> list[dict]:
    return json.loads(resources.files("resources").joinpath("presets.json").read_text("utf-8"))


def _preset_of(account: Account, box: QComboBox) -> int:
    """The preset an account was probably made from; else “other”."""
    if account.kind is AccountKind.LOCAL:
        return box.count() - 1
    for number in range(box.count() - 2):
        if box.itemData(number)["endpoint"] == account.endpoint:
            return number
    return box.count() - 2
