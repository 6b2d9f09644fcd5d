INSERT INTO class_groups (id, class_id, name, created_at) VALUES (?1, ?2, ?3, ?4)
