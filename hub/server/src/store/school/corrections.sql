SELECT problem_id, key_version_id, key_is_new, undone_at IS NOT NULL, restored_version_id
FROM regrades
ORDER BY created_at, id
