UPDATE class_teachers SET to_day = ?3 WHERE class_id = ?1 AND teacher_id = ?2 AND to_day IS NULL
