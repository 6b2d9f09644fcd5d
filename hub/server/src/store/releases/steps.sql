SELECT coalesce(max(level), 0) FROM releases WHERE pupil_id = ?1 AND problem_version_id = ?2 AND kind = 'step'
