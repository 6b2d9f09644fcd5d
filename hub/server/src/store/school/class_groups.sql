SELECT id, class_id, name FROM class_groups ORDER BY created_at, id
