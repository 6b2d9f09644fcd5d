SELECT problems.id, problems.archived_at IS NOT NULL, problem_versions.id
FROM problems
JOIN problem_versions ON problem_versions.problem_id = problems.id
WHERE problem_versions.version = (SELECT max(version) FROM problem_versions AS newer WHERE newer.problem_id = problems.id)
