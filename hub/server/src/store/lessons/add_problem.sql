INSERT INTO lesson_problems (lesson_id, position, problem_version_id) VALUES (?1, ?2, ?3)
