SELECT pupil_id FROM lesson_pupils WHERE lesson_id = ?1
