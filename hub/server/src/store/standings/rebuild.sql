DELETE FROM standings;
INSERT INTO standings (pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq)
WITH folded AS (
    SELECT
        attempts.pupil_id AS pupil_id,
        coalesce(attempts.lesson_id, zeroblob(16)) AS lesson_id,
        attempts.problem_version_id AS problem_version_id,
        count(*) AS tries,
        max(grades.is_right) AS solved,
        max(attempts.hub_seq) AS seq
    FROM attempts
    JOIN grades ON grades.attempt_seq = attempts.hub_seq
    WHERE grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
    GROUP BY 1, 2, 3
)
SELECT
    folded.pupil_id, folded.lesson_id, folded.problem_version_id, folded.tries, folded.solved,
    (SELECT max(feedback.hub_seq) FROM feedback WHERE feedback.attempt_seq = folded.seq),
    (SELECT last.id FROM attempts AS last WHERE last.hub_seq = folded.seq),
    max(folded.seq, coalesce((SELECT max(feedback.hub_seq) FROM feedback WHERE feedback.attempt_seq = folded.seq), 0))
FROM folded;
