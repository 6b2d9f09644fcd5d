SELECT
    id, problem_id, key_version_id, reason, by_user, created_at, undone_at,
    (SELECT count(*) FROM regrade_changes WHERE regrade_id = regrades.id)
FROM regrades
WHERE id = ?1
