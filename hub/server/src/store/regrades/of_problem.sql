SELECT
    id, problem_id, key_version_id, reason, by_user, created_at, undone_at,
    (SELECT count(*) FROM regrade_changes WHERE regrade_id = regrades.id)
FROM regrades
WHERE problem_id = ?1
ORDER BY created_at DESC, id DESC
