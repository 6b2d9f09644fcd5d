INSERT INTO class_teachers (class_id, teacher_id, from_day) VALUES (?1, ?2, ?3)
