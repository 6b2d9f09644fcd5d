DELETE FROM class_group_pupils WHERE group_id = ?1
