INSERT INTO lesson_pupils (lesson_id, pupil_id) VALUES (?1, ?2)
