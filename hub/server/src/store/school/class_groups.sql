SELECT id, name FROM class_groups WHERE class_id = ?1 ORDER BY created_at, id
