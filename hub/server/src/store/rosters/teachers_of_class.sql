SELECT teacher_id FROM class_teachers WHERE class_id = ?1 AND to_day IS NULL
