UPDATE class_teachers SET to_day = ?2 WHERE teacher_id = ?1 AND to_day IS NULL
