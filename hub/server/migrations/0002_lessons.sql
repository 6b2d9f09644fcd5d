-- Lessons that are held: for whom, for how long, whose sitting, what was told to a pupil meanwhile.

ALTER TABLE lessons ADD COLUMN ends_at INTEGER;           -- when time is up; moves with extensions and pauses
ALTER TABLE lessons ADD COLUMN paused_at INTEGER;         -- since when, while paused
ALTER TABLE lessons ADD COLUMN resumed_at INTEGER;        -- when it last went on after a pause
CREATE INDEX lessons_open ON lessons (ends_at) WHERE state <> 'closed';

-- The pupils a lesson is for; the whole class if it has no row.
CREATE TABLE lesson_pupils (
    lesson_id      BLOB NOT NULL REFERENCES lessons,
    pupil_id       BLOB NOT NULL REFERENCES users,
    PRIMARY KEY (lesson_id, pupil_id)
) STRICT, WITHOUT ROWID;

-- Named groups of a class, to give lessons to.
CREATE TABLE class_groups (
    id             BLOB    PRIMARY KEY,
    class_id       BLOB    NOT NULL REFERENCES classes,
    name           TEXT    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX class_groups_name ON class_groups (class_id, name);

CREATE TABLE class_group_pupils (
    group_id       BLOB NOT NULL REFERENCES class_groups ON DELETE CASCADE,
    pupil_id       BLOB NOT NULL REFERENCES users,
    PRIMARY KEY (group_id, pupil_id)
) STRICT, WITHOUT ROWID;

-- One sitting of an exam: it begins once and is handed in once.
CREATE TABLE sittings (
    lesson_id      BLOB    NOT NULL REFERENCES lessons,
    pupil_id       BLOB    NOT NULL REFERENCES users,
    seed           INTEGER NOT NULL,          -- the pupil's own order of the problems
    begun_at       INTEGER NOT NULL,
    handed_in_at   INTEGER,
    shown_at       INTEGER,                   -- when the pupil was first shown grades of it, after its end
    PRIMARY KEY (lesson_id, pupil_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sittings_pupil ON sittings (pupil_id);

-- What a pupil is told by people: a teacher's note, a step or solution that was opened, a grade that was corrected.
CREATE TABLE pupil_notes (
    id                  BLOB    PRIMARY KEY,
    pupil_id            BLOB    NOT NULL REFERENCES users,
    kind                TEXT    NOT NULL CHECK (kind IN ('note', 'step', 'solution', 'regraded')),
    lesson_id           BLOB    REFERENCES lessons,
    problem_version_id  BLOB    REFERENCES problem_versions,
    text                TEXT    NOT NULL,
    by_user             BLOB    REFERENCES users,
    created_at          INTEGER NOT NULL,
    seen_at             INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX pupil_notes_pupil ON pupil_notes (pupil_id, created_at);

-- Steps are released beside solutions: `level` counts the author's hints from 1; 0 for the solution.
ALTER TABLE releases RENAME TO releases_before;
CREATE TABLE releases (
    pupil_id            BLOB    NOT NULL REFERENCES users,
    problem_version_id  BLOB    NOT NULL REFERENCES problem_versions,
    kind                TEXT    NOT NULL CHECK (kind IN ('solution', 'step')),
    level               INTEGER NOT NULL DEFAULT 0,
    by_user             BLOB    REFERENCES users,
    created_at          INTEGER NOT NULL,
    PRIMARY KEY (pupil_id, problem_version_id, kind, level)
) STRICT, WITHOUT ROWID;
INSERT INTO releases (pupil_id, problem_version_id, kind, level, by_user, created_at)
SELECT pupil_id, problem_version_id, kind, 0, by_user, created_at FROM releases_before;
DROP TABLE releases_before;

-- CACHE columns: what the live view needs to say who is stuck, since when and on what. Times are those at which the
-- answers were given, as far as the devices are believed.
ALTER TABLE standings ADD COLUMN first_at INTEGER NOT NULL DEFAULT 0;        -- the first answer
ALTER TABLE standings ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;         -- the latest answer, which counts in exams
ALTER TABLE standings ADD COLUMN solved_at INTEGER;                          -- the first right answer
ALTER TABLE standings ADD COLUMN wrong_in_row INTEGER NOT NULL DEFAULT 0;    -- wrong tries since the last right one
ALTER TABLE standings ADD COLUMN misconception INTEGER;                      -- of the latest try to arrive
ALTER TABLE standings ADD COLUMN misconception_in_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE standings ADD COLUMN helps INTEGER NOT NULL DEFAULT 0;           -- how often help was asked for
ALTER TABLE standings ADD COLUMN helped_at INTEGER;                          -- when help was asked for that is not answered yet

-- Caches that are folded anew from the log when the hub next starts.
CREATE TABLE cache_rebuilds (
    name           TEXT    PRIMARY KEY CHECK (name IN ('standings'))
) STRICT, WITHOUT ROWID;
-- Rows from before know nothing of the columns above.
INSERT INTO cache_rebuilds (name) VALUES ('standings');

-- Whether an answer reached the hub after the lesson's time was up; its device says that it was given before.
CREATE TABLE late_answers (
    attempt_seq    INTEGER PRIMARY KEY REFERENCES attempts (hub_seq) ON DELETE CASCADE,
    late_by_secs   INTEGER NOT NULL
) STRICT;
