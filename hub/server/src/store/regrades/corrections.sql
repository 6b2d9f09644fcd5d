SELECT key_version_id, key_is_new, undone_at IS NOT NULL, restored_version_id
FROM regrades
WHERE problem_id = ?1
ORDER BY created_at, id
