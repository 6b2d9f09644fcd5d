SELECT problem_version_id FROM lesson_problems WHERE lesson_id = ?1 ORDER BY position
