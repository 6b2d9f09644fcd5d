DELETE FROM class_teachers WHERE class_id = ?1 AND teacher_id = ?2
