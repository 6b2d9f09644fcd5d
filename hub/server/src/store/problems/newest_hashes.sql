SELECT problem_versions.content_hash, problems.id
FROM problems
JOIN problem_versions ON problem_versions.problem_id = problems.id
WHERE problems.archived_at IS NULL
  AND problem_versions.version = (SELECT max(version) FROM problem_versions AS newer WHERE newer.problem_id = problems.id)
ORDER BY problems.created_at DESC, problems.id DESC
