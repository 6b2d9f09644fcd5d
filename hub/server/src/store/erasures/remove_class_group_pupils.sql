DELETE FROM class_group_pupils WHERE pupil_id = ?1
