DELETE FROM class_groups WHERE id = ?1
