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
INSERT INTO retention (kind, keep_days) VALUES ('notes', 365), ('parent_codes', 30), ('roster_changes', 400);
