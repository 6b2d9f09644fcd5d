SELECT 1 FROM releases WHERE pupil_id = ?1 AND problem_version_id = ?2 AND kind = 'solution'
