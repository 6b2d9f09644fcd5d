SELECT problem_version_id, lesson_id FROM pupil_notes WHERE id = ?1
