DELETE FROM releases
WHERE (pupil_id, problem_version_id, kind, level) IN (
    SELECT pupil_id, problem_version_id, kind, level FROM releases WHERE created_at < ?1 LIMIT ?2
)
