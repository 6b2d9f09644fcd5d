SELECT hub_seq, revision, grade, source, misconception, key_version_id, reason
FROM grades
WHERE attempt_seq = ?1
ORDER BY revision DESC
LIMIT 1
