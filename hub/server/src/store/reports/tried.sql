SELECT pupil_id, solved FROM standings WHERE lesson_id = ?1 AND problem_version_id = ?2 AND tries > 0
