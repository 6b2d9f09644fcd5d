SELECT NOT EXISTS (
    SELECT 1
    FROM problem_versions AS loaded
    WHERE loaded.problem_id = newest.problem_id
      AND loaded.content_hash = newest.content_hash
      AND loaded.created_by IS NULL
)
FROM problem_versions AS newest
WHERE newest.problem_id = ?1
ORDER BY newest.version DESC
LIMIT 1
