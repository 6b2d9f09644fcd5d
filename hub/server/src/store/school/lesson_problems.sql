SELECT lesson_id, problem_version_id FROM lesson_problems ORDER BY lesson_id, position
