DELETE FROM standings;
INSERT INTO standings (pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq)
WITH answered AS (
    SELECT
        attempts.hub_seq AS seq,
        attempts.pupil_id AS pupil_id,
        coalesce(attempts.lesson_id, zeroblob(16)) AS lesson_id,
        attempts.problem_version_id AS problem_version_id,
        grades.is_right AS is_right,
        grades.is_evidence AS is_evidence
    FROM attempts
    JOIN grades ON grades.attempt_seq = attempts.hub_seq
    WHERE grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
),
folded AS (
    SELECT
        pupil_id, lesson_id, problem_version_id,
        sum(is_evidence) AS tries,
        max(is_right) AS solved,
        max(seq) AS seq
    FROM answered
    GROUP BY 1, 2, 3
),
-- Help for any of the answers, but only if it was asked for after the latest one.
helped AS (
    SELECT folded.pupil_id, folded.lesson_id, folded.problem_version_id, max(feedback.hub_seq) AS seq
    FROM folded
    JOIN answered ON answered.pupil_id = folded.pupil_id
        AND answered.lesson_id = folded.lesson_id
        AND answered.problem_version_id = folded.problem_version_id
    JOIN feedback ON feedback.attempt_seq = answered.seq
    WHERE feedback.hub_seq > folded.seq
    GROUP BY 1, 2, 3
)
SELECT
    folded.pupil_id, folded.lesson_id, folded.problem_version_id, folded.tries, folded.solved,
    helped.seq,
    (SELECT last.id FROM attempts AS last WHERE last.hub_seq = folded.seq),
    coalesce(helped.seq, folded.seq)
FROM folded
LEFT JOIN helped ON helped.pupil_id = folded.pupil_id
    AND helped.lesson_id = folded.lesson_id
    AND helped.problem_version_id = folded.problem_version_id;
