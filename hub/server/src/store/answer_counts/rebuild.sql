DELETE FROM answer_counts;
INSERT INTO answer_counts (lesson_id, problem_version_id, answer, outcome, count)
SELECT
    coalesce(attempts.lesson_id, zeroblob(16)), attempts.problem_version_id, attempts.answer,
    CASE WHEN grades.is_evidence = 0 THEN 'not_understood' WHEN grades.is_right = 1 THEN 'right' ELSE 'wrong' END,
    count(*)
FROM attempts
JOIN grades ON grades.attempt_seq = attempts.hub_seq
WHERE grades.revision = (SELECT max(revision) FROM grades AS newer WHERE newer.attempt_seq = attempts.hub_seq)
GROUP BY 1, 2, 3, 4;
