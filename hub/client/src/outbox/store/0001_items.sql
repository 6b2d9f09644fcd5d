-- What a device has kept for the hub.

CREATE TABLE items (
    -- Never used twice: the next one stands in facts.
    device_seq   INTEGER PRIMARY KEY,
    attempt_id   BLOB    NOT NULL UNIQUE,
    pupil_id     BLOB    NOT NULL,
    body         TEXT    NOT NULL,
    body_hash    TEXT    NOT NULL,
    wall         TEXT    NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    boot_id      BLOB    NOT NULL,
    -- BLAKE3 of the columns above, so that what the disk has changed is never sent as somebody's answer.
    item_hash    BLOB    NOT NULL,
    -- JSON of the state.
    state        TEXT    NOT NULL,
    -- BLAKE3 of device_seq and state: a damaged state is taken for `waiting`, since sending again is harmless.
    state_hash   BLOB    NOT NULL
) STRICT;

CREATE TABLE deposits (
    pupil_id     BLOB    NOT NULL PRIMARY KEY,
    proof        TEXT    NOT NULL,
    hash         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- next_seq, age, seen, highest: JSON.
CREATE TABLE facts (
    name         TEXT    NOT NULL PRIMARY KEY,
    value        TEXT    NOT NULL,
    hash         BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
