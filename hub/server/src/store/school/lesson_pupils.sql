SELECT lesson_id, pupil_id FROM lesson_pupils
