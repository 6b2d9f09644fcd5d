SELECT EXISTS (SELECT 1 FROM problem_versions WHERE problem_id = ?1 AND content_hash = ?2)
