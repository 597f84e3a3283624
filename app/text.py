"""All wording of the window, through Qt's translation.

The constants are looked up when this module is first imported, which `app.bootstrap` does after it has installed the
translator; another language takes effect at the next start.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from core.model.transfer import Conflict, State, Verify
from core.protocol.rows import Filter, Order

translate = QCoreApplication.translate


APP = "Sluice"

# --- toolbar and keys
ADD_FILES = translate("Window", "Add files…")
ADD_FOLDER = translate("Window", "Add folder…")
ADD_TIP = translate("Window", "Choose files to upload to the destination below")
ADD_MORE = translate("Window", "Other ways to add")
DOWNLOAD = translate("Window", "Download…")
DOWNLOAD_TIP = translate("Window", "Bring objects or a whole prefix to this computer")
PAUSE_ALL = translate("Window", "Pause all")
RESUME_ALL = translate("Window", "Resume all")
SEARCH = translate("Window", "Filter transfers…")
SEARCH_NAME = translate("Window", "Filter transfers by name or path")
MENU = translate("Window", "Settings and more")
SETTINGS = translate("Window", "Settings…")
NEW_ACCOUNT = translate("Window", "New account…")
STOP_AND_QUIT = translate("Window", "Stop the engine and quit")
QUIT = translate("Window", "Quit the window")

LIMIT_NAME = translate("Window", "Speed limit")
LIMIT_NONE = translate("Window", "No limit")
LIMIT_CUSTOM = translate("Window", "Custom…")


def limit_button(up: str, down: str) -> str:
    if not up and not down:
        return translate("Window", "Limit: none")
    if up == down:
        return translate("Window", "Limit: {rate}").format(rate=up)
    return translate("Window", "Limit: ↑ {up}  ↓ {down}").format(up=up or "∞", down=down or "∞")


# --- sidebar
TRANSFERS = translate("Window", "Transfers")
PLACES = translate("Window", "Places")
FILTERS = {
    Filter.ALL: translate("Window", "All"),
    Filter.MOVING: translate("Window", "Moving"),
    Filter.WAITING: translate("Window", "Waiting"),
    Filter.PAUSED: translate("Window", "Paused"),
    Filter.NEEDS_YOU: translate("Window", "Needs you"),
    Filter.DONE: translate("Window", "Done"),
}
FILTER_TITLES = {
    Filter.ALL: translate("Window", "All transfers"),
    Filter.MOVING: translate("Window", "Moving"),
    Filter.WAITING: translate("Window", "Waiting"),
    Filter.PAUSED: translate("Window", "Paused"),
    Filter.NEEDS_YOU: translate("Window", "Needs you"),
    Filter.DONE: translate("Window", "Done"),
}
NOTHING_IN = {
    Filter.ALL: translate("Window", "No transfers yet."),
    Filter.MOVING: translate("Window", "Nothing is moving."),
    Filter.WAITING: translate("Window", "Nothing is waiting."),
    Filter.PAUSED: translate("Window", "Nothing is paused."),
    Filter.NEEDS_YOU: translate("Window", "Nothing needs you."),
    Filter.DONE: translate("Window", "Nothing is done yet."),
}
NOTHING_FOUND = translate("Window", "No transfer matches “{search}”.")
ENVIRONMENT_ACCOUNT = translate("Window", "AWS environment")
TEST_ACCOUNT = translate("Window", "Edit and test…")
REMOVE_ACCOUNT = translate("Window", "Remove")
ACCOUNT_REMOVE_ASK = translate(
    "Window", "Remove the account “{name}” and its stored secret? What it stores stays where it is."
)
KEEP = translate("Window", "Keep it")


def filter_name(shown: Filter, count: int) -> str:
    """What a screen reader says for a filter."""
    return translate("Window", "{name}, {count}").format(name=FILTERS[shown], count=count)


def held_name(account: str, sentence: str) -> str:
    return translate("Window", "{account}: {sentence}").format(account=account, sentence=sentence)


# --- destination
UPLOAD_TO = translate("Window", "Upload to")
CHOOSE_ACCOUNT = translate("Window", "Destination account")
CHOOSE_BUCKET = translate("Window", "Destination bucket")
PREFIX = translate("Window", "Destination folder inside the bucket")
PREFIX_HINT = translate("Window", "folder (optional)")
NO_BUCKET = translate("Window", "Choose a bucket")
NEW_BUCKET = translate("Window", "New bucket…")
RELOAD_BUCKETS = translate("Window", "Reload the list")
OPEN_LOCATION = translate("Window", "Type a bucket name…")
BUCKET_NAME = translate("Window", "Bucket name")
BUCKET_HINT = translate("Window", "3 to 63 lower-case letters, digits, dots and hyphens")
CREATE = translate("Window", "Create")
USE = translate("Window", "Use it")
LOADING = translate("Window", "Loading…")
NO_DESTINATION = translate("Window", "Choose a bucket first: the list beside “Upload to” shows those of the account.")

# --- table
COLUMN_NAME = translate("Window", "Name")
COLUMN_PLACE = translate("Window", "To / from")
COLUMN_PROGRESS = translate("Window", "Progress")
COLUMN_SPEED = translate("Window", "Speed")
COLUMN_LEFT = translate("Window", "Left")
COLUMN_STATE = translate("Window", "State")
TABLE_NAME = translate("Window", "Transfers")
ORDERS = {
    Order.QUEUE: translate("Window", "Queue order"),
    Order.NAME: translate("Window", "Name"),
    Order.SIZE: translate("Window", "Size"),
    Order.STATE: translate("Window", "State"),
    Order.ADDED: translate("Window", "When added"),
    Order.ENDED: translate("Window", "When ended"),
}
COLUMNS = translate("Window", "Columns")
STATES = {
    State.QUEUED: translate("Window", "queued"),
    State.RUNNING: translate("Window", "moving"),
    State.WAITING: translate("Window", "waiting"),
    State.PAUSED: translate("Window", "paused"),
    State.ASKING: translate("Window", "needs you"),
    State.CANCELLING: translate("Window", "cancelling"),
    State.DONE: translate("Window", "done"),
    State.SKIPPED: translate("Window", "skipped"),
    State.FAILED: translate("Window", "failed"),
    State.CANCELLED: translate("Window", "cancelled"),
}
ANSWERS: dict[str, str] = {
    Conflict.OVERWRITE: translate("Window", "Overwrite"),
    Conflict.RENAME: translate("Window", "Keep both"),
    Conflict.SKIP: translate("Window", "Skip"),
}
RETRY_LINK = translate("Window", "Retry")
QUESTIONS = {"exists": translate("Window", "Exists already:")}
QUESTION_OTHER = translate("Window", "Needs an answer:")
VERIFIED = translate("Window", "verified: {proof}")
PROOFS = {
    "crc64nvme": translate("Window", "CRC-64 checksum on both sides"),
    "md5-etag": translate("Window", "MD5 on both sides"),
    "content-md5": translate("Window", "MD5 checked by the server"),
    "read-back": translate("Window", "read back and compared"),
    "server-copy": translate("Window", "copied by the server, same size"),
    "length": translate("Window", "complete; the server keeps no checksum"),
}
SKIPPED_NOTE = translate("Window", "skipped, nothing was changed")
CANCELLED_NOTE = translate("Window", "cancelled, nothing is left behind")


def progress_name(percent: int, flying: str) -> str:
    """What a screen reader says for a bar."""
    if flying:
        return translate("Window", "{percent} percent stored, {flying} in flight").format(
            percent=percent, flying=flying
        )
    return translate("Window", "{percent} percent stored").format(percent=percent)


def size_of(done: str, size: str) -> str:
    return translate("Window", "{done} of {size}").format(done=done, size=size)


def from_place(place: str) -> str:
    return translate("Window", "from {place}").format(place=place)


def answer_name(answer: str, name: str) -> str:
    return translate("Window", "{answer} {name}").format(answer=answer, name=name)


# --- what can be done with the chosen transfers
PAUSE = translate("Window", "Pause")
RESUME = translate("Window", "Resume")
RETRY = translate("Window", "Retry")
CANCEL = translate("Window", "Cancel")
REMOVE = translate("Window", "Remove from the list")
SOONER = translate("Window", "Sooner")
LATER = translate("Window", "Later")
SELECT_ALL = translate("Window", "Select all")
SHOW_ERROR = translate("Window", "Show the error…")
CANCEL_THEM = translate("Window", "Cancel them")
LEAVE_THEM = translate("Window", "Leave them")


def with_key(name: str, key: str) -> str:
    """A tool tip: the action and its key."""
    return translate("Window", "{name} ({key})").format(name=name, key=key)


def cancel_ask(count: int) -> str:
    return translate("Window", "Cancel {count} transfers? What they have sent so far is taken back.").format(
        count=f"{count:,}"
    )


def transfers(count: int) -> str:
    if count == 1:
        return translate("Window", "1 transfer")
    return translate("Window", "{count} transfers").format(count=f"{count:,}")


def chosen(count: int) -> str:
    return translate("Window", "{count} selected").format(count=f"{count:,}")


# --- details
DETAILS = translate("Window", "Details")
FROM = translate("Window", "From")
TO = translate("Window", "To")
PARTS = translate("Window", "Parts")
PROOF = translate("Window", "Verified by")
TIME = translate("Window", "Time")
ERROR = translate("Window", "Problem")
FOR_BATCH = translate("Window", "for all files added together")
CLOSE_DETAILS = translate("Window", "Close the details")
SAME_NAME = translate("Window", "The destination has an object of this name already.")
SAME_NAME_LOCAL = translate("Window", "The folder has a file of this name already.")


def parts(done: int, total: int) -> str:
    return translate("Window", "{done} of {total} stored").format(done=f"{done:,}", total=f"{total:,}")


def resent(size: str) -> str:
    return translate("Window", "{size} sent again").format(size=size)


def took(duration: str, rate: str) -> str:
    return translate("Window", "{duration}, {rate} on average").format(duration=duration, rate=rate)


# --- empty state and overlay
DROP_HERE = translate("Window", "Drop files here")
DROP_ANYTHING = translate("Window", "Files and folders, as many as you like.")
DROP_NOWHERE = translate("Window", "Choose a bucket above first.")
DROP_TO = translate("Window", "Drop to upload to")


def drop_where(place: str, account: str) -> str:
    return translate("Window", "Files and folders go to {place} in “{account}”.").format(
        place=place, account=account or ENVIRONMENT_ACCOUNT
    )


# --- total line
UP_NAME = translate("Window", "Upload speed")
DOWN_NAME = translate("Window", "Download speed")
HISTORY_NAME = translate("Window", "Speed over the last two minutes")
ENGINE_STARTING = translate("Window", "Starting the engine…")
ENGINE_READY = translate("Window", "Engine ready")
ENGINE_STOPPED = translate("Window", "Engine stopped")
START_ENGINE = translate("Window", "Start it again")
ENGINE_LOST = translate("Window", "Engine lost, reconnecting…")
NOTHING_LEFT = translate("Window", "Nothing left to do")
READING = translate("Window", "reading folders…")


def all_done_in(size: str, duration: str) -> str:
    if duration:
        return translate("Window", "{size} left, all done in about {duration}").format(size=size, duration=duration)
    return translate("Window", "{size} left").format(size=size)


# --- notes
CLOSE_NOTE = translate("Window", "Dismiss")
BACKGROUND_NOTE = translate(
    "Window",
    "You can close this window at any time: transfers go on in the background and are here when you come back.",
)
GOT_IT = translate("Window", "Got it")
DETAILS_BUTTON = translate("Window", "Details…")

# --- dialogs
OK = translate("Window", "OK")
SAVE = translate("Window", "Save")
CLOSE = translate("Window", "Close")
CANCEL_DIALOG = translate("Window", "Cancel")
COPY_TEXT = translate("Window", "Copy")
BROWSE = translate("Window", "Browse…")

SETTINGS_TITLE = translate("Window", "Settings")
SETTINGS_LIVE = translate("Window", "Changes are in force at once, also for transfers that are under way.")
GROUP_TRANSFERS = translate("Window", "Transfers")
GROUP_LIMITS = translate("Window", "Speed limits")
GROUP_LOOK = translate("Window", "Appearance")
FILES_PARALLEL = translate("Window", "Files at once")
PARTS_PARALLEL = translate("Window", "Parts at once, per file")
CONNECTIONS = translate("Window", "Connections in total")
PART_SIZE = translate("Window", "Part size")
LIMIT_UP = translate("Window", "Uploads")
LIMIT_DOWN = translate("Window", "Downloads")
NO_LIMIT_WORD = translate("Window", "none")
LIMIT_HINT = translate("Window", "none, or like 5 MB/s")
VERIFY = translate("Window", "Verification")
VERIFY_NAMES = {
    Verify.NORMAL: translate("Window", "The strongest proof without a second transfer"),
    Verify.READ_BACK: translate("Window", "Read back where that proof is weak"),
}
SCHEME = translate("Window", "Colours")
SCHEMES = {
    "system": translate("Window", "As the system"),
    "light": translate("Window", "Light"),
    "dark": translate("Window", "Dark"),
}
COMPACT = translate("Window", "Compact rows")

LIMIT_TITLE = translate("Window", "Speed limit")
APPLY = translate("Window", "Apply")

ACCOUNT_TITLE_NEW = translate("Window", "New account")
ACCOUNT_TITLE_EDIT = translate("Window", "Account “{name}”")
PRESET = translate("Window", "Service")
PRESET_CUSTOM = translate("Window", "Other S3-compatible")
PRESET_LOCAL = translate("Window", "Folder on this computer")
ACCOUNT_NAME = translate("Window", "Name")
ACCOUNT_NAME_HINT = translate("Window", "as you want to see it under Places")
ENDPOINT = translate("Window", "Endpoint")
ENDPOINT_HINT = translate("Window", "https://s3.example.com")
ENDPOINT_AWS = translate("Window", "Amazon's own, by region")
REGION = translate("Window", "Region")
REGION_HINT = translate("Window", "us-east-1, or leave empty")
PATH_STYLE = translate("Window", "Bucket name in the path, not in the host name")
ACCESS_KEY = translate("Window", "Access key")
ACCESS_KEY_HINT = translate("Window", "empty: from the AWS environment or profile")
SECRET = translate("Window", "Secret key")
SECRET_KEPT = translate("Window", "unchanged (stored: {where})")
SHOW_SECRET = translate("Window", "Show the secret")
CA_FILE = translate("Window", "CA certificate")
CA_HINT = translate("Window", "only for private certificates")
FOLDER = translate("Window", "Folder")
MEMORY_ONLY = translate("Window", "Keep the secret only until the engine stops")
SAVE_AND_TEST = translate("Window", "Save and test")
TESTING = translate("Window", "Testing…")
CHECK_OK = translate("Window", "ok")
CHECK_FAILED = translate("Window", "failed")

DOWNLOAD_TITLE = translate("Window", "Download")
DOWNLOAD_SOURCE = translate("Window", "From")
DOWNLOAD_SOURCE_HINT = translate("Window", "s3://bucket/folder/ or s3://bucket/object")
DOWNLOAD_ACCOUNT = translate("Window", "Account")
DOWNLOAD_FOLDER = translate("Window", "To folder")
DOWNLOAD_START = translate("Window", "Download")
FOLDER_MISSING = translate("Window", "“{folder}” is not a folder on this computer.")

ERROR_TITLE = translate("Window", "What went wrong")
ERROR_CODE = translate("Window", "Code")
ERROR_WHERE = translate("Window", "Where")
ERROR_REQUEST = translate("Window", "Request ID")
ERROR_DETAIL = translate("Window", "Detail")
ERROR_RETRY = translate("Window", "Another attempt")
RETRIES = {
    "never": translate("Window", "would fail in the same way until the cause is gone"),
    "backoff": translate("Window", "is made by itself, with growing pauses"),
    "online": translate("Window", "is made when the server can be reached again"),
    "credentials": translate("Window", "is made when the account's keys have changed"),
}
