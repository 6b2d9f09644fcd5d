-- Keeping house: keys of programs, an audit log that can be searched, periods that are carried out.

CREATE TABLE api_keys (
    id              BLOB    PRIMARY KEY,
    name            TEXT    NOT NULL,
    hash            BLOB    NOT NULL UNIQUE,   -- BLAKE3 of the key; the key itself is shown once
    per_minute      INTEGER NOT NULL CHECK (per_minute BETWEEN 1 AND 10000),
    made_by         BLOB    REFERENCES users,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    last_used_at    INTEGER,
    revoked_at      INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (subject, seq) WHERE subject IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor, seq) WHERE actor IS NOT NULL;

-- Why people did what a row of the audit log tells, as they typed it. Beside the chain, since it may name a pupil: an erasure
-- clears it, and the chain still fits.
CREATE TABLE audit_reasons (
    audit_seq       INTEGER PRIMARY KEY REFERENCES audit (seq) ON DELETE CASCADE,
    text            TEXT    NOT NULL
) STRICT;

-- The beginning of the audit chain after old rows have been removed: the hash of the last removed row.
CREATE TABLE audit_anchor (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    seq             INTEGER NOT NULL,
    hash            BLOB    NOT NULL
) STRICT;

CREATE TABLE retention_runs (
    id              BLOB    PRIMARY KEY,
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    report          TEXT    NOT NULL           -- JSON: per kind what was removed
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_pupil ON consents (pupil_id);
-- Numbers of the record are never given twice, also when the newest rows have been removed: the highest before that.
ALTER TABLE hub ADD COLUMN last_seq INTEGER NOT NULL DEFAULT 0;
-- Erased people keep an empty row, so that what others did with them still has somebody to refer to.
ALTER TABLE users ADD COLUMN erased_at INTEGER;
ALTER TABLE erasures ADD COLUMN purged_at INTEGER;   -- when the file was written anew, without even unused bytes of them
CREATE INDEX feedback_ai_text ON feedback (asked_at) WHERE ai_text IS NOT NULL;
CREATE INDEX erasures_pupil ON erasures (pupil_id);
CREATE INDEX regrade_changes_attempt ON regrade_changes (attempt_seq);
INSERT INTO retention (kind, keep_days) VALUES ('notes', 365), ('parent_codes', 30), ('roster_changes', 400);
