-- Corrections of grades, and the caches behind reports.

-- One correction of a key; undone by further revisions, never by deleting.
CREATE TABLE regrades (
    id                   BLOB    PRIMARY KEY,
    problem_id           BLOB    NOT NULL REFERENCES problems,
    key_version_id       BLOB    NOT NULL REFERENCES problem_versions,   -- whose key counts since
    key_is_new           INTEGER NOT NULL CHECK (key_is_new IN (0, 1)),  -- the version was made for it
    reason               TEXT    NOT NULL,
    by_user              BLOB    REFERENCES users,
    created_at           INTEGER NOT NULL,
    undone_at            INTEGER,
    undone_by            BLOB    REFERENCES users,
    restored_version_id  BLOB    REFERENCES problem_versions             -- made by undoing, with the key that counted before
) STRICT, WITHOUT ROWID;
CREATE INDEX regrades_problem ON regrades (problem_id, created_at);

CREATE TABLE regrade_changes (
    regrade_id      BLOB    NOT NULL REFERENCES regrades,
    attempt_seq     INTEGER NOT NULL REFERENCES attempts (hub_seq) ON DELETE CASCADE,
    before_seq      INTEGER NOT NULL,          -- the grade that counted
    after_seq       INTEGER NOT NULL,          -- the grade that counts since
    PRIMARY KEY (regrade_id, attempt_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_version ON attempts (problem_version_id, pupil_id);

-- CACHE columns: the first answer to each problem of a day, which is what mastery rests on.
ALTER TABLE skill_days ADD COLUMN firsts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE skill_days ADD COLUMN first_rights INTEGER NOT NULL DEFAULT 0;
UPDATE skill_days SET firsts = counted.firsts, first_rights = counted.first_rights
FROM (
    SELECT pupil_id, skill, day, sum(is_first) AS firsts, sum(is_first AND is_right) AS first_rights
    FROM (
        SELECT
            attempts.pupil_id, attempts.skill, attempts.day, grades.is_right,
            row_number() OVER (
                PARTITION BY attempts.pupil_id, attempts.skill, attempts.day, problem_versions.problem_id
                ORDER BY attempts.hub_seq
            ) = 1 AS is_first
        FROM attempts
        JOIN problem_versions ON problem_versions.id = attempts.problem_version_id
        JOIN grades ON grades.attempt_seq = attempts.hub_seq
        WHERE grades.is_evidence = 1
          AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
    )
    GROUP BY 1, 2, 3
) AS counted
WHERE skill_days.pupil_id = counted.pupil_id AND skill_days.skill = counted.skill AND skill_days.day = counted.day;

-- CACHE: how often each answer was given in a lesson; the zero UUID outside lessons. No day: a report takes the lessons of
-- its days, since a problem is hard in the lesson in which it was given.
CREATE TABLE answer_counts (
    lesson_id           BLOB    NOT NULL,
    problem_version_id  BLOB    NOT NULL,
    answer              TEXT    NOT NULL,      -- wire::answer::Answer as JSON
    outcome             TEXT    NOT NULL CHECK (outcome IN ('right', 'wrong', 'not_understood')),
    count               INTEGER NOT NULL,
    PRIMARY KEY (lesson_id, problem_version_id, answer, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO answer_counts (lesson_id, problem_version_id, answer, outcome, count)
SELECT
    coalesce(attempts.lesson_id, zeroblob(16)), attempts.problem_version_id, attempts.answer,
    CASE WHEN grades.is_evidence = 0 THEN 'not_understood' WHEN grades.is_right = 1 THEN 'right' ELSE 'wrong' END,
    count(*)
FROM attempts
JOIN grades ON grades.attempt_seq = attempts.hub_seq
WHERE grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
GROUP BY 1, 2, 3, 4;

-- CACHE: the fold of grading::mastery per pupil and skill, kept so that it can go on. A row whose `dirty` is 1 counts for
-- nothing: it is folded again from the log when it is read.
CREATE TABLE masteries (
    pupil_id        BLOB    NOT NULL,
    skill           TEXT    NOT NULL,
    mastery         REAL    NOT NULL,
    attempts        INTEGER NOT NULL,
    rights          INTEGER NOT NULL,
    evidence        INTEGER NOT NULL,
    last_day        TEXT    NOT NULL,
    seen            BLOB    NOT NULL,          -- the problems answered on `last_day`, 16 bytes each
    dirty           INTEGER NOT NULL CHECK (dirty IN (0, 1)),
    PRIMARY KEY (pupil_id, skill)
) STRICT, WITHOUT ROWID;
INSERT INTO masteries (pupil_id, skill, mastery, attempts, rights, evidence, last_day, seen, dirty)
SELECT pupil_id, skill, 0, 0, 0, 0, max(day), x'', 1 FROM attempts GROUP BY pupil_id, skill;

-- For reports: who is stuck in a lesson.
CREATE INDEX standings_stuck ON standings (lesson_id) WHERE solved = 0 AND tries >= 3;
-- For the cells of one version, after its key was corrected.
CREATE INDEX standings_version ON standings (problem_version_id, pupil_id);
