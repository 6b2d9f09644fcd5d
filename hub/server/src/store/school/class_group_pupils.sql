-- Who has left the class is in its groups no longer.
SELECT class_group_pupils.group_id, class_group_pupils.pupil_id
FROM class_group_pupils
JOIN class_groups ON class_groups.id = class_group_pupils.group_id
JOIN enrolments ON enrolments.pupil_id = class_group_pupils.pupil_id AND enrolments.class_id = class_groups.class_id
JOIN users ON users.id = class_group_pupils.pupil_id
WHERE enrolments.to_day IS NULL AND users.archived_at IS NULL
