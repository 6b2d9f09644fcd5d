INSERT INTO class_teachers (class_id, teacher_id, from_day) VALUES (?1, ?2, ?3)
ON CONFLICT (class_id, teacher_id, from_day) DO UPDATE SET to_day = NULL
