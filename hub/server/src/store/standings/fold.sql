INSERT INTO standings (
    pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq,
    first_at, last_at, solved_at, wrong_in_row, misconception, misconception_in_row, helps, helped_at
)
WITH answered AS MATERIALIZED (
    SELECT
        attempts.hub_seq AS seq,
        -- A corrected grade is a change of its cell, for watchers that come back.
        iif(grades.revision > 1, grades.hub_seq, attempts.hub_seq) AS changed_seq,
        attempts.id AS id,
        attempts.pupil_id AS pupil_id,
        coalesce(attempts.lesson_id, zeroblob(16)) AS lesson_id,
        attempts.problem_version_id AS problem_version_id,
        attempts.occurred_at AS at,
        coalesce(lessons.mode = 'exam', 0) AS is_exam,
        -- In an exam that was opened again after the pupil had been shown its grades.
        coalesce(lessons.mode = 'exam' AND attempts.received_at > sittings.shown_at, 0) AS is_after_seen,
        grades.is_right AS is_right,
        grades.is_evidence AS is_try,
        grades.misconception AS misconception
    FROM attempts
    JOIN grades ON grades.attempt_seq = attempts.hub_seq
    LEFT JOIN lessons ON lessons.id = attempts.lesson_id
    LEFT JOIN sittings ON sittings.lesson_id = attempts.lesson_id AND sittings.pupil_id = attempts.pupil_id
    -- The plus keeps the range of pupils, which may be everybody, from leading the search.
    WHERE +attempts.pupil_id BETWEEN ?1 AND ?2
        AND attempts.problem_version_id BETWEEN ?3 AND ?4
        AND grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
),
folded AS (
    SELECT
        pupil_id, lesson_id, problem_version_id,
        sum(is_try) AS tries,
        max(is_right) AS ever_right,
        max(is_exam) AS is_exam,
        min(at) AS first_at,
        max(at) AS last_at,
        min(iif(is_right, at, NULL)) AS solved_at,
        max(iif(is_right, seq, 0)) AS right_seq,
        max(seq) AS seq,
        max(changed_seq) AS changed_seq
    FROM answered
    GROUP BY 1, 2, 3
),
-- The answer that was given last, which counts in exams; before the grades were seen, if there is one.
given_last AS (
    SELECT pupil_id, lesson_id, problem_version_id, id, is_right
    FROM (
        SELECT
            answered.*,
            row_number() OVER (
                PARTITION BY pupil_id, lesson_id, problem_version_id ORDER BY is_after_seen, at DESC, seq DESC
            ) AS back
        FROM answered
    )
    WHERE back = 1
),
wrong AS (
    SELECT pupil_id, lesson_id, problem_version_id, count(*) AS in_row
    FROM answered
    JOIN folded USING (pupil_id, lesson_id, problem_version_id)
    WHERE is_try AND answered.seq > folded.right_seq
    GROUP BY 1, 2, 3
),
-- The try that arrived last, and how many before it showed the same misconception without a break.
last_try AS (
    SELECT pupil_id, lesson_id, problem_version_id, misconception
    FROM (
        SELECT
            answered.*,
            row_number() OVER (PARTITION BY pupil_id, lesson_id, problem_version_id ORDER BY seq DESC) AS back
        FROM answered
        WHERE is_try
    )
    WHERE back = 1
),
before AS (
    SELECT pupil_id, lesson_id, problem_version_id, max(answered.seq) AS seq
    FROM answered
    JOIN last_try USING (pupil_id, lesson_id, problem_version_id)
    WHERE is_try AND answered.misconception IS NOT last_try.misconception
    GROUP BY 1, 2, 3
),
same AS (
    SELECT pupil_id, lesson_id, problem_version_id, count(*) AS in_row
    FROM answered
    JOIN last_try USING (pupil_id, lesson_id, problem_version_id)
    LEFT JOIN before USING (pupil_id, lesson_id, problem_version_id)
    WHERE is_try AND last_try.misconception IS NOT NULL AND answered.seq > coalesce(before.seq, 0)
    GROUP BY 1, 2, 3
),
asked AS (
    SELECT answered.pupil_id, answered.lesson_id, answered.problem_version_id, feedback.hub_seq AS seq, feedback.asked_at
    FROM answered
    JOIN feedback ON feedback.attempt_seq = answered.seq
),
helps AS (
    SELECT pupil_id, lesson_id, problem_version_id, count(*) AS count
    FROM asked
    GROUP BY 1, 2, 3
),
-- Help for any of the answers, but only if it was asked for after the latest one. SQLite takes `asked_at` from the
-- row of the maximum.
helped AS (
    SELECT pupil_id, lesson_id, problem_version_id, max(asked.seq) AS seq, asked.asked_at AS at
    FROM folded
    JOIN asked USING (pupil_id, lesson_id, problem_version_id)
    WHERE asked.seq > folded.seq
    GROUP BY 1, 2, 3
)
SELECT
    pupil_id, lesson_id, problem_version_id,
    folded.tries,
    iif(folded.is_exam, given_last.is_right, folded.ever_right),
    helped.seq,
    given_last.id,
    max(coalesce(helped.seq, folded.seq), folded.changed_seq),
    folded.first_at,
    folded.last_at,
    folded.solved_at,
    coalesce(wrong.in_row, 0),
    last_try.misconception,
    coalesce(same.in_row, 0),
    coalesce(helps.count, 0),
    helped.at
FROM folded
JOIN given_last USING (pupil_id, lesson_id, problem_version_id)
LEFT JOIN wrong USING (pupil_id, lesson_id, problem_version_id)
LEFT JOIN last_try USING (pupil_id, lesson_id, problem_version_id)
LEFT JOIN same USING (pupil_id, lesson_id, problem_version_id)
LEFT JOIN helps USING (pupil_id, lesson_id, problem_version_id)
LEFT JOIN helped USING (pupil_id, lesson_id, problem_version_id)
