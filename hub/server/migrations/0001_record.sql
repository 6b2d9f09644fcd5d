-- The record. Times are Unix milliseconds (UTC), days are 'YYYY-MM-DD' in the school's zone, ids are 16-byte UUIDs.
-- Answers, grades and the audit log are append-only; everything marked CACHE is rebuilt from them by a pure fold.

CREATE TABLE hub (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    hub_id         BLOB    NOT NULL,
    school_name    TEXT    NOT NULL,
    time_zone      TEXT    NOT NULL,
    epoch          INTEGER NOT NULL,          -- the current row of `epochs`
    last_seen_at   INTEGER NOT NULL,          -- the latest time the hub has seen, against a clock set back
    created_at     INTEGER NOT NULL
) STRICT;

-- A stretch of the record between two restores; every hub_seq belongs to one.
CREATE TABLE epochs (
    epoch          INTEGER PRIMARY KEY,
    epoch_id       BLOB    NOT NULL UNIQUE,
    parent         INTEGER REFERENCES epochs,
    reason         TEXT    NOT NULL CHECK (reason IN ('first', 'restore', 'rollback', 'damage')),
    from_seq       INTEGER NOT NULL,
    started_at     INTEGER NOT NULL
) STRICT;

-- People ------------------------------------------------------------------------------------------------------

CREATE TABLE users (
    id             BLOB    PRIMARY KEY,
    role           TEXT    NOT NULL CHECK (role IN ('student', 'parent', 'teacher', 'admin')),
    login_name     TEXT    UNIQUE,            -- normalised; absent for pupils
    name           TEXT    NOT NULL,
    language       TEXT    NOT NULL CHECK (language IN ('ko', 'en')),
    secret         TEXT    NOT NULL,          -- PHC string: algorithm, parameters, salt, hash
    must_change    INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),
    token_version  INTEGER NOT NULL DEFAULT 1,
    created_at     INTEGER NOT NULL,
    archived_at    INTEGER,
    CHECK ((role = 'student') = (login_name IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE classes (
    id                    BLOB    PRIMARY KEY,
    name                  TEXT    NOT NULL,
    grade                 INTEGER NOT NULL CHECK (grade BETWEEN 1 AND 12),
    school_year           INTEGER NOT NULL,
    language              TEXT    NOT NULL CHECK (language IN ('ko', 'en')),
    code                  TEXT    NOT NULL UNIQUE,
    auto_feedback         INTEGER NOT NULL DEFAULT 0 CHECK (auto_feedback IN (0, 1)),
    solution_after_tries  INTEGER,
    created_at            INTEGER NOT NULL,
    archived_at           INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolments (
    pupil_id       BLOB    NOT NULL REFERENCES users,
    class_id       BLOB    NOT NULL REFERENCES classes,
    school_year    INTEGER NOT NULL,
    number         INTEGER NOT NULL CHECK (number BETWEEN 1 AND 999),
    from_day       TEXT    NOT NULL,
    to_day         TEXT,                      -- the last day in the class; absent while enrolled
    PRIMARY KEY (pupil_id, class_id, from_day)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX enrolments_number ON enrolments (class_id, number) WHERE to_day IS NULL;

CREATE TABLE class_teachers (
    class_id       BLOB NOT NULL REFERENCES classes,
    teacher_id     BLOB NOT NULL REFERENCES users,
    from_day       TEXT NOT NULL,
    to_day         TEXT,
    PRIMARY KEY (class_id, teacher_id, from_day)
) STRICT, WITHOUT ROWID;

CREATE TABLE guardians (
    parent_id      BLOB    NOT NULL REFERENCES users,
    pupil_id       BLOB    NOT NULL REFERENCES users,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (parent_id, pupil_id)
) STRICT, WITHOUT ROWID;

-- Devices and sign-ins ----------------------------------------------------------------------------------------

CREATE TABLE devices (
    id             BLOB    PRIMARY KEY,
    name           TEXT    NOT NULL,
    public_key     BLOB,                      -- Ed25519, once devices enrol
    enrolled_by    BLOB    REFERENCES users,
    created_at     INTEGER NOT NULL,
    revoked_at     INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id             BLOB    PRIMARY KEY,
    user_id        BLOB    NOT NULL REFERENCES users,
    device_id      BLOB    REFERENCES devices,
    lesson_id      BLOB,                      -- ends with this lesson, if set
    native         INTEGER NOT NULL CHECK (native IN (0, 1)),
    agent          TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    last_seen_at   INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    end_reason     TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id) WHERE ended_at IS NULL;

-- Each refresh token is used once; its successor is derived from it, so that a repeat inside the grace finds the same one.
CREATE TABLE refresh_tokens (
    hash           BLOB    PRIMARY KEY,       -- BLAKE3 of the token
    session_id     BLOB    NOT NULL REFERENCES sessions ON DELETE CASCADE,
    created_at     INTEGER NOT NULL,
    used_at        INTEGER,
    successor      BLOB                       -- hash of the next one
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Problems ----------------------------------------------------------------------------------------------------

CREATE TABLE problems (
    id             BLOB    PRIMARY KEY,
    source         TEXT    NOT NULL,          -- 'starter:<path>' or 'school'
    created_by     BLOB    REFERENCES users,
    created_at     INTEGER NOT NULL,
    archived_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX problems_starter ON problems (source) WHERE source LIKE 'starter:%';

-- Immutable: a change of wording or key is a new version.
CREATE TABLE problem_versions (
    id             BLOB    PRIMARY KEY,
    problem_id     BLOB    NOT NULL REFERENCES problems,
    version        INTEGER NOT NULL,
    skill          TEXT    NOT NULL,
    draft          TEXT    NOT NULL,          -- wire::authoring::ProblemDraft as JSON, key included
    content_hash   BLOB    NOT NULL,          -- BLAKE3 of `draft`
    created_by     BLOB    REFERENCES users,
    created_at     INTEGER NOT NULL,
    UNIQUE (problem_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE lessons (
    id             BLOB    PRIMARY KEY,
    class_id       BLOB    NOT NULL REFERENCES classes,
    title          TEXT    NOT NULL,
    mode           TEXT    NOT NULL CHECK (mode IN ('practice', 'exam')),
    hint_ceiling   TEXT    NOT NULL CHECK (hint_ceiling IN ('none', 'nudge', 'concept', 'worked_step')),
    state          TEXT    NOT NULL CHECK (state IN ('open', 'paused', 'closed')),
    created_by     BLOB    REFERENCES users,
    opened_at      INTEGER NOT NULL,
    closed_at      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX lessons_class ON lessons (class_id, opened_at);

CREATE TABLE lesson_problems (
    lesson_id           BLOB    NOT NULL REFERENCES lessons,
    position            INTEGER NOT NULL,
    problem_version_id  BLOB    NOT NULL REFERENCES problem_versions,
    PRIMARY KEY (lesson_id, position)
) STRICT, WITHOUT ROWID;

-- The log -----------------------------------------------------------------------------------------------------
-- One counter numbers answers, grades and feedback alike: hub_seq with its epoch is the order of record.

CREATE TABLE attempts (
    hub_seq             INTEGER PRIMARY KEY,
    epoch               INTEGER NOT NULL REFERENCES epochs,
    id                  BLOB    NOT NULL UNIQUE,   -- the client's UUIDv7
    pupil_id            BLOB    NOT NULL REFERENCES users,
    problem_version_id  BLOB    NOT NULL REFERENCES problem_versions,
    lesson_id           BLOB    REFERENCES lessons,
    skill               TEXT    NOT NULL,
    device_id           BLOB,
    device_seq          INTEGER,
    body_hash           BLOB    NOT NULL,          -- BLAKE3 of the canonical body: same id + other hash is refused
    answer              TEXT    NOT NULL,          -- wire::answer::Answer as JSON
    occurred_at         INTEGER NOT NULL,          -- the client's claim, or received_at
    received_at         INTEGER NOT NULL,
    day                 TEXT    NOT NULL,          -- fixed at write time
    row_hash            BLOB    NOT NULL           -- BLAKE3 over the canonical row
) STRICT;
CREATE INDEX attempts_pupil ON attempts (pupil_id, skill, day);
CREATE UNIQUE INDEX attempts_device ON attempts (device_id, device_seq) WHERE device_id IS NOT NULL;

CREATE TABLE grades (
    hub_seq             INTEGER PRIMARY KEY,
    attempt_seq         INTEGER NOT NULL REFERENCES attempts (hub_seq),
    revision            INTEGER NOT NULL,          -- the highest counts
    source              TEXT    NOT NULL CHECK (source IN ('code', 'teacher', 'regrade')),
    grade               TEXT    NOT NULL,          -- wire::answer::Grade as JSON
    is_right            INTEGER NOT NULL CHECK (is_right IN (0, 1)),
    is_evidence         INTEGER NOT NULL CHECK (is_evidence IN (0, 1)),  -- 0: not understood, held against nobody
    misconception       INTEGER,                   -- index into the version's common wrong answers
    key_version_id      BLOB    NOT NULL REFERENCES problem_versions,
    by_user             BLOB    REFERENCES users,
    reason              TEXT,
    created_at          INTEGER NOT NULL,
    UNIQUE (attempt_seq, revision)
) STRICT;

CREATE TABLE feedback (
    hub_seq             INTEGER PRIMARY KEY,
    id                  BLOB    NOT NULL UNIQUE,
    attempt_seq         INTEGER NOT NULL REFERENCES attempts (hub_seq),
    turn                INTEGER NOT NULL,
    language            TEXT    NOT NULL CHECK (language IN ('ko', 'en')),
    state               TEXT    NOT NULL CHECK (state IN ('pending', 'running', 'done', 'expired', 'failed')),
    hint                TEXT,                      -- the authored hint that was shown
    hint_level          INTEGER,
    hint_reason         TEXT,
    ai_text             TEXT,
    model               TEXT,
    usage               TEXT,                      -- tokens and times as JSON
    helpful             INTEGER CHECK (helpful IN (0, 1)),
    asked_at            INTEGER NOT NULL,
    done_at             INTEGER,
    UNIQUE (attempt_seq, turn)
) STRICT;
CREATE INDEX feedback_open ON feedback (hub_seq) WHERE state IN ('pending', 'running');

-- What a pupil has been shown beyond the statement: worked solutions now, further steps later.
CREATE TABLE releases (
    pupil_id            BLOB    NOT NULL REFERENCES users,
    problem_version_id  BLOB    NOT NULL REFERENCES problem_versions,
    kind                TEXT    NOT NULL CHECK (kind IN ('solution')),
    by_user             BLOB    REFERENCES users,
    created_at          INTEGER NOT NULL,
    PRIMARY KEY (pupil_id, problem_version_id, kind)
) STRICT, WITHOUT ROWID;

-- CACHE: where each pupil stands with each problem of each lesson.
CREATE TABLE standings (
    pupil_id            BLOB    NOT NULL,
    lesson_id           BLOB    NOT NULL,          -- zero UUID outside lessons
    problem_version_id  BLOB    NOT NULL,
    tries               INTEGER NOT NULL,
    solved              INTEGER NOT NULL CHECK (solved IN (0, 1)),
    helped_seq          INTEGER,                   -- the latest feedback
    last_attempt        BLOB    NOT NULL,
    last_seq            INTEGER NOT NULL,          -- the latest change of this row
    PRIMARY KEY (pupil_id, lesson_id, problem_version_id)
) STRICT, WITHOUT ROWID;

-- CACHE: a pupil's work on a skill on a day; what is pushed and plotted.
CREATE TABLE skill_days (
    pupil_id            BLOB    NOT NULL,
    skill               TEXT    NOT NULL,
    day                 TEXT    NOT NULL,
    attempts            INTEGER NOT NULL,
    rights              INTEGER NOT NULL,
    last_seq            INTEGER NOT NULL,
    PRIMARY KEY (pupil_id, skill, day)
) STRICT, WITHOUT ROWID;

-- Keeping house -----------------------------------------------------------------------------------------------

CREATE TABLE notices (
    id             BLOB    PRIMARY KEY,
    code           TEXT    NOT NULL,
    data           TEXT    NOT NULL,               -- JSON for the sentence
    created_at     INTEGER NOT NULL,
    dismissed_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX notices_open ON notices (code) WHERE dismissed_at IS NULL;

-- Append-only with a hash chain: hash = BLAKE3(prev_hash || canonical row).
CREATE TABLE audit (
    seq            INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    actor          BLOB,
    origin         TEXT    NOT NULL,               -- address or 'console'
    action         TEXT    NOT NULL,
    subject        BLOB,                           -- whose data
    detail         TEXT    NOT NULL,
    prev_hash      BLOB    NOT NULL,
    hash           BLOB    NOT NULL
) STRICT;

CREATE TABLE retention (
    kind           TEXT    PRIMARY KEY,
    keep_days      INTEGER NOT NULL CHECK (keep_days > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO retention (kind, keep_days) VALUES ('ai_text', 90), ('audit', 730), ('answers', 730), ('sessions', 30), ('notices', 365);

CREATE TABLE consents (
    id             BLOB    PRIMARY KEY,
    pupil_id       BLOB    NOT NULL,
    guardian_id    BLOB,
    scope          TEXT    NOT NULL,
    method         TEXT    NOT NULL,
    text_version   TEXT    NOT NULL,
    given_at       INTEGER NOT NULL,
    withdrawn_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE erasures (
    id             BLOB    PRIMARY KEY,
    pupil_id       BLOB    NOT NULL,
    reason         TEXT    NOT NULL,
    asked_by       BLOB,
    erased_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The log is never rewritten, whatever a future bug may try.
CREATE TRIGGER attempts_are_kept_as_written BEFORE UPDATE ON attempts BEGIN SELECT RAISE(ABORT, 'attempts are append-only'); END;
CREATE TRIGGER grades_are_kept_as_written BEFORE UPDATE ON grades BEGIN SELECT RAISE(ABORT, 'grades are append-only'); END;
CREATE TRIGGER versions_are_kept_as_written BEFORE UPDATE ON problem_versions BEGIN SELECT RAISE(ABORT, 'problem versions are immutable'); END;
CREATE TRIGGER audit_is_kept_as_written BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
