"""Where dropped files go: an account, a bucket and a prefix, and what there is to choose from."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QObject, Signal

from app.prefs import Prefs
from app.session import Session
from core.model.account import AccountKind
from core.model.errors import CoreError, UsageError
from core.model.location import Remote, parse_remote
from core.protocol.commands import CreateBucket, ListBuckets, ListObjects
from core.protocol.rows import AccountRow

FIRST_BUCKET = "my-first-bucket"  # made in the built-in store, so that a first drop needs no setup
FOLDERS_SHOWN = 200


class Destination(QObject):
    """The choice shown in the destination bar. Remembers itself from start to start."""

    changed = Signal()  # account, bucket or prefix
    buckets_changed = Signal()
    folders_changed = Signal(list)  # prefixes that complete what has been typed

    def __init__(self, session: Session, prefs: Prefs) -> None:
        super().__init__()
        self._session = session
        self._prefs = prefs
        self.account = ""
        self.bucket = ""
        self.prefix = ""
        self.known = False  # an account has been chosen, by hand or at the start
        self.buckets: tuple[str, ...] = ()
        self.loading = False
        self.trouble = ""  # why the buckets could not be listed
        self._completing: asyncio.Task[None] | None = None
        session.accounts_changed.connect(self._on_accounts)

    @property
    def remote(self) -> Remote | None:
        """The chosen place, or None while no bucket is chosen."""
        return Remote(self.bucket, self.prefix, self.account) if self.bucket else None

    @property
    def words(self) -> str:
        """The place as people read it: bucket and folder, then the account."""
        return f"{self.bucket}/{self.prefix}" if self.bucket else ""

    def row(self) -> AccountRow | None:
        return next((row for row in self._session.accounts if row.account.name == self.account), None)

    @property
    def is_local(self) -> bool:
        row = self.row()
        return row is not None and row.account.kind is AccountKind.LOCAL

    # --- choosing

    def choose_account(self, name: str) -> None:
        if self.known and name == self.account:
            return
        self.account, self.bucket, self.prefix = name, self._prefs.bucket(name), ""
        self.known = True
        self.buckets, self.trouble = (), ""
        self._remember()
        self.reload()

    def choose_bucket(self, bucket: str) -> None:
        self.bucket, self.prefix = bucket, ""
        self._remember()

    def choose_prefix(self, typed: str) -> None:
        """A folder inside the bucket; a slash at its end is added where it is missing."""
        folder = typed.strip().lstrip("/")
        self.prefix = folder if not folder or folder.endswith("/") else folder + "/"
        self._remember()

    def choose(self, typed: str) -> None:
        """A whole location, `bucket/folder` or `s3://bucket/folder`. Raises UsageError."""
        text = typed.strip()
        found = parse_remote(text if text.startswith("s3:") else "s3://" + text, self.account)
        self.bucket = found.bucket
        self.choose_prefix(found.key)

    def _remember(self) -> None:
        self._prefs.remember_destination(self.account, self.bucket, self.prefix)
        self.changed.emit()

    # --- what there is to choose from

    def _on_accounts(self) -> None:
        names = [row.account.name for row in self._session.accounts]
        if self.known and self.account in names:
            self.changed.emit()
            return
        account, bucket, prefix = self._prefs.destination()
        if account not in names:
            account, bucket, prefix = (
                next((row.account.name for row in self._session.accounts if row.builtin), ""),
                "",
                "",
            )
        self.account, self.bucket, self.prefix, self.known = account, bucket, prefix, True
        self.changed.emit()
        self.reload()

    def reload(self) -> None:
        """List the account's buckets again, in the background."""
        self.loading = True
        self.buckets_changed.emit()
        self._session.tasks.start(self._load(self.account), "list buckets")

    async def _load(self, account: str) -> None:
        trouble = ""
        names: tuple[str, ...] = ()
        try:
            names = await self._names(account)
        except CoreError as error:
            trouble = error.sentence
        if account != self.account:
            return
        self.loading, self.trouble, self.buckets = False, trouble, names
        if names and self.bucket not in names and not self._typed(account):
            self.choose_bucket(FIRST_BUCKET if FIRST_BUCKET in names else names[0])
        self.buckets_changed.emit()

    def _typed(self, account: str) -> bool:
        """True for a bucket that was chosen before: keys may be allowed to use it without seeing it in the list."""
        return bool(self.bucket) and self._prefs.bucket(account) == self.bucket

    async def _names(self, account: str) -> tuple[str, ...]:
        found = (await self._session.call(ListBuckets(account=account))).buckets
        row = next((one for one in self._session.accounts if one.account.name == account), None)
        if not found and row is not None and row.builtin:
            await self._session.call(CreateBucket(bucket=FIRST_BUCKET, account=account))
            return (FIRST_BUCKET,)
        return tuple(bucket.name for bucket in found)

    async def create(self, bucket: str) -> None:
        """Make a bucket and choose it. Raises CoreError."""
        if not bucket.strip():
            raise UsageError("bad-bucket", "A bucket needs a name.")
        account = self.account
        await self._session.call(CreateBucket(bucket=bucket.strip(), account=account))
        if account == self.account:
            self.choose_bucket(bucket.strip())
            self.reload()

    def complete(self, typed: str) -> None:
        """Ask for the folders that begin like `typed`; `folders_changed` brings them."""
        if self._completing is not None:
            self._completing.cancel()
        if self.bucket:
            self._completing = self._session.tasks.start(self._complete(typed.lstrip("/")), "list folders")

    async def _complete(self, typed: str) -> None:
        await asyncio.sleep(0.2)  # typing goes on
        command = ListObjects(bucket=self.bucket, prefix=typed, account=self.account, count=FOLDERS_SHOWN)
        try:
            page = await self._session.call(command)
        except CoreError:
            return  # a suggestion that is not to be had is no news
        self.folders_changed.emit(list(page.prefixes))
