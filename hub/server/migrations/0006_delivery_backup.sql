-- Devices that deliver answers, and how backups stand.

-- Came back by its certificate after the hub was restored to a state before its enrolment.
ALTER TABLE devices ADD COLUMN returned_at INTEGER;
ALTER TABLE devices ADD COLUMN last_seen_at INTEGER;

-- How each target stood at the last runs; the targets themselves stand in a file, since they hold secrets.
CREATE TABLE backup_targets (
    name              TEXT    PRIMARY KEY,
    -- Of the repository, so that a swapped stick or bucket is known as such.
    repository_id     TEXT,
    other_device      INTEGER NOT NULL DEFAULT 0 CHECK (other_device IN (0, 1)),
    last_try_at       INTEGER,
    last_backup_at    INTEGER,
    last_backup_seq   INTEGER,
    last_bytes        INTEGER,
    snapshots         INTEGER NOT NULL DEFAULT 0,
    last_restored_at  INTEGER,
    restore_ms        INTEGER,
    -- What was read back whole from there.
    verified_epoch    BLOB,
    verified_seq      INTEGER,
    trouble           TEXT,                      -- wire::backup::BackupTroubleCode
    trouble_since     INTEGER,
    tidied_at         INTEGER,
    -- BLAKE3 of the ledgers as they were last sent there.
    ledgers_sum       BLOB
) STRICT, WITHOUT ROWID;

-- The highest place of record that was read back, whole, from another device; one row at most.
CREATE TABLE backup_verified (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    epoch_id          BLOB    NOT NULL,
    hub_seq           INTEGER NOT NULL,
    target            TEXT    NOT NULL,
    at                INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_sheets (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    made_at           INTEGER NOT NULL,
    kept_at           INTEGER
) STRICT;

-- What is known of the clock; one that has jumped removes no backup until it was steady. One row at most.
CREATE TABLE backup_clock (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    believed_at       INTEGER NOT NULL,
    seen_at           INTEGER NOT NULL,
    -- Milliseconds since a jump; absent if it is believed.
    steady_ms         INTEGER,
    jumps             TEXT    NOT NULL           -- JSON, what it jumped forwards
) STRICT;

-- When a high mark beside the database was first kept: a hub that kept one and finds none has been put back by hand.
ALTER TABLE hub ADD COLUMN marked_at INTEGER;

-- How an epoch came about that is not the first.
CREATE TABLE put_backs (
    epoch             INTEGER PRIMARY KEY REFERENCES epochs,
    -- Found at a start: the database is another than the hub had before.
    is_other_state    INTEGER NOT NULL CHECK (is_other_state IN (0, 1)),
    snapshot_at       INTEGER,
    -- The place that was shown and is not there.
    lost_epoch_id     BLOB,
    lost_seq          INTEGER
) STRICT;

-- Devices enrolled and revoked, secrets changed: the ledger stands in a file too, which a restored database is compared with.
CREATE TABLE security_ledger (
    id                BLOB    PRIMARY KEY,
    at                INTEGER NOT NULL,
    entry             TEXT    NOT NULL          -- ledgers::SecurityEntry as JSON, ids only
) STRICT, WITHOUT ROWID;

-- What the ledgers held beyond a restored state.
CREATE TABLE ledger_returns (
    id                BLOB    NOT NULL,
    kind              TEXT    NOT NULL,         -- wire::backup::LostChangeKind
    at                INTEGER NOT NULL,
    subject           BLOB    NOT NULL,         -- a person or a device
    epoch             INTEGER NOT NULL REFERENCES epochs,
    PRIMARY KEY (id, kind)
) STRICT, WITHOUT ROWID;
