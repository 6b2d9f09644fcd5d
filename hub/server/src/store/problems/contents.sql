SELECT id, draft, skill, content_hash FROM problem_versions WHERE problem_id = ?1 ORDER BY version DESC
