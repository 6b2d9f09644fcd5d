SELECT EXISTS (SELECT 1 FROM lessons WHERE class_id = ?1)
    OR EXISTS (SELECT 1 FROM class_teachers WHERE class_id = ?1 AND teacher_id IS NOT ?2)
