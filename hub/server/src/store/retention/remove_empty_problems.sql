DELETE FROM problems
WHERE archived_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM problem_versions WHERE problem_versions.problem_id = problems.id)
