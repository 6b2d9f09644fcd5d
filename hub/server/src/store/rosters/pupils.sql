SELECT users.id, users.name, users.archived_at IS NOT NULL, latest.class_id, latest.number, latest.class_id IS NOT NULL AND latest.to_day IS NULL
FROM users
LEFT JOIN enrolments AS latest
    ON latest.pupil_id = users.id
    AND latest.from_day = (SELECT max(from_day) FROM enrolments WHERE enrolments.pupil_id = users.id)
WHERE users.role = 'student'
ORDER BY users.id, latest.to_day IS NULL
