-- Who has left the class is in its groups no longer.
SELECT class_group_pupils.group_id, class_group_pupils.pupil_id
FROM class_groups
JOIN class_group_pupils ON class_group_pupils.group_id = class_groups.id
JOIN enrolments ON enrolments.pupil_id = class_group_pupils.pupil_id AND enrolments.class_id = class_groups.class_id
JOIN users ON users.id = class_group_pupils.pupil_id
WHERE class_groups.class_id = ?1 AND enrolments.to_day IS NULL AND users.archived_at IS NULL
ORDER BY class_group_pupils.pupil_id
