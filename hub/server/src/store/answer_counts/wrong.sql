SELECT problem_version_id, answer, sum(count)
FROM answer_counts
WHERE lesson_id IN (SELECT unhex(value) FROM json_each(?1))
    AND problem_version_id IN (SELECT unhex(value) FROM json_each(?2))
    AND outcome = 'wrong'
GROUP BY problem_version_id, answer
