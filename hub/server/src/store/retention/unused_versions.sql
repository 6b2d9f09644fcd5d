-- Earlier versions, and all of a school's problem that was archived, to which nothing refers.
SELECT versions.id
FROM problem_versions AS versions
JOIN problems ON problems.id = versions.problem_id
WHERE versions.created_at < ?1
    AND (
        versions.version < (SELECT max(version) FROM problem_versions AS newer WHERE newer.problem_id = versions.problem_id)
        OR (problems.archived_at < ?1 AND problems.source = 'school')
    )
    AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.problem_version_id = versions.id)
    AND NOT EXISTS (SELECT 1 FROM lesson_problems WHERE lesson_problems.problem_version_id = versions.id)
    AND NOT EXISTS (SELECT 1 FROM regrades WHERE regrades.problem_id = versions.problem_id)
    AND versions.id NOT IN (SELECT key_version_id FROM grades)
    AND versions.id NOT IN (SELECT problem_version_id FROM releases)
    AND versions.id NOT IN (SELECT problem_version_id FROM pupil_notes WHERE problem_version_id IS NOT NULL)
ORDER BY versions.created_at
LIMIT ?2
