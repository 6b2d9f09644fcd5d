-- Rosters: cards to sign in with, parents' paper codes, imports and changes of the school year that can be undone.

-- A pupil who was imported has no PIN until cards are made: `secret` is then '!', which nothing matches.
CREATE TABLE sign_in_cards (
    pupil_id        BLOB    PRIMARY KEY REFERENCES users,
    hash            BLOB    NOT NULL UNIQUE,   -- BLAKE3 of the card's token; the token itself is on the paper only
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE parent_codes (
    hash            BLOB    PRIMARY KEY,       -- BLAKE3 of the code; the code itself is on the paper only
    pupil_id        BLOB    NOT NULL REFERENCES users,
    made_by         BLOB    REFERENCES users,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    used_at         INTEGER,
    used_by         BLOB    REFERENCES users
) STRICT, WITHOUT ROWID;
CREATE INDEX parent_codes_pupil ON parent_codes (pupil_id);

-- What an import or a change of the year did, as JSON, so that it can be shown and undone.
CREATE TABLE roster_changes (
    id              BLOB    PRIMARY KEY,
    kind            TEXT    NOT NULL CHECK (kind IN ('import', 'rollover')),
    file_name       TEXT    NOT NULL,
    done            TEXT    NOT NULL,          -- JSON: what was changed, with what stood before
    by_user         BLOB    REFERENCES users,
    created_at      INTEGER NOT NULL,
    undone_at       INTEGER,
    undone_by       BLOB    REFERENCES users
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolments_class ON enrolments (class_id, from_day);
-- Whether something is built on a pupil who was imported, over the whole list.
CREATE INDEX guardians_pupil ON guardians (pupil_id);
CREATE INDEX sessions_of_user ON sessions (user_id);
