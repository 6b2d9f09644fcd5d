SELECT enrolments.class_id, enrolments.number, enrolments.pupil_id
FROM enrolments
JOIN users ON users.id = enrolments.pupil_id
WHERE enrolments.to_day IS NULL AND users.archived_at IS NULL
