SELECT pupil_id, problem_version_id FROM standings WHERE lesson_id = ?1 AND solved = 0 AND tries >= 3
