SELECT group_id, pupil_id FROM class_group_pupils
