SELECT
    problem_version_id,
    sum(iif(outcome = 'right', count, 0)),
    sum(iif(outcome = 'wrong', count, 0))
FROM answer_counts
WHERE lesson_id IN (SELECT unhex(value) FROM json_each(?1))
GROUP BY problem_version_id
