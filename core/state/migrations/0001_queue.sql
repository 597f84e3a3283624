-- The queue: batches, their transfers, the parts of large ones, and sums kept in step with them.
-- Plain SQLite of 2020 (3.33), so no STRICT tables: the checks do their work, also for quick_check.

PRAGMA application_id = 0x536C7569;  -- "Slui"

CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sources TEXT NOT NULL,               -- JSON list
    source_account TEXT NOT NULL,
    destination TEXT NOT NULL,
    destination_account TEXT NOT NULL,
    recursive INTEGER NOT NULL,
    options TEXT NOT NULL,               -- JSON object
    state TEXT NOT NULL CHECK (state IN ('walking', 'ready', 'failed', 'cancelled')),
    error TEXT,                          -- JSON object
    skipped INTEGER NOT NULL DEFAULT 0,
    added_s REAL NOT NULL
);

CREATE TABLE transfers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    batch_id INTEGER NOT NULL REFERENCES batches (id),
    direction TEXT NOT NULL CHECK (direction = 'up' OR direction = 'down' OR direction = 'copy'),
    state TEXT NOT NULL CHECK (  -- IN would build its list anew for every row: a third of the time of an insert
        state = 'queued' OR state = 'running' OR state = 'done' OR state = 'waiting' OR state = 'paused'
        OR state = 'asking' OR state = 'cancelling' OR state = 'skipped' OR state = 'failed' OR state = 'cancelled'),
    priority INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL,
    committed_bytes INTEGER NOT NULL DEFAULT 0,
    ended_no INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL,                  -- what a search looks through and a sort by name goes by: folded last segments
    source TEXT NOT NULL,
    source_account TEXT NOT NULL,
    destination TEXT NOT NULL,
    destination_account TEXT NOT NULL,
    source_stamp TEXT NOT NULL DEFAULT '',
    part_size_bytes INTEGER NOT NULL DEFAULT 0,
    upload_id TEXT NOT NULL DEFAULT '',
    checksums INTEGER NOT NULL DEFAULT 0,
    sent_again_bytes INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before_s REAL NOT NULL DEFAULT 0,
    error TEXT,                          -- JSON object
    question TEXT NOT NULL DEFAULT '',
    answer TEXT CHECK (answer IN ('ask', 'overwrite', 'skip', 'rename')),
    intent TEXT NOT NULL DEFAULT '',     -- the irreversible act that was about to happen
    verified_by TEXT NOT NULL DEFAULT '',
    result_etag TEXT NOT NULL DEFAULT '',
    result_crc64nvme TEXT NOT NULL DEFAULT '',
    added_s REAL NOT NULL DEFAULT 0,
    started_s REAL NOT NULL DEFAULT 0,
    ended_s REAL NOT NULL DEFAULT 0,
    active_s REAL NOT NULL DEFAULT 0,
    CHECK (typeof(priority) = 'integer' AND typeof(size_bytes) = 'integer' AND typeof(committed_bytes) = 'integer'
        AND typeof(ended_no) = 'integer' AND typeof(source) = 'text' AND typeof(destination) = 'text'),
    UNIQUE (batch_id, source, destination)  -- so that a walk can be repeated after a crash
);

-- What runs next, account by account, so that a held account's million rows are never looked at.
CREATE INDEX transfers_queued ON transfers (direction, source_account, destination_account, priority DESC)
    WHERE state = 'queued';
CREATE INDEX transfers_waiting ON transfers (not_before_s) WHERE state = 'waiting';
CREATE INDEX transfers_state ON transfers (state, priority DESC, batch_id);
CREATE INDEX transfers_ended ON transfers (ended_no, batch_id) WHERE ended_no > 0;
CREATE INDEX transfers_intent ON transfers (id) WHERE intent <> '';

CREATE TABLE parts (
    transfer_id INTEGER NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    etag TEXT NOT NULL DEFAULT '',
    crc64nvme INTEGER NOT NULL DEFAULT 0,  -- the 64 bits read as a signed number
    md5 TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (transfer_id, number)
) WITHOUT ROWID;

CREATE TABLE tally (
    batch_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    transfers INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    committed_bytes INTEGER NOT NULL,
    PRIMARY KEY (batch_id, state)
) WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters VALUES ('ended', 0);
