SELECT grade, source, misconception
FROM grades
WHERE attempt_seq = ?1
ORDER BY revision DESC
LIMIT 1
