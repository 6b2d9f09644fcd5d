SELECT class_id, teacher_id FROM class_teachers WHERE to_day IS NULL
