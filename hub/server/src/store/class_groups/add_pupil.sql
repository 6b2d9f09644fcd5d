INSERT INTO class_group_pupils (group_id, pupil_id) VALUES (?1, ?2)
