SELECT number, pupil_id FROM enrolments WHERE class_id = ?1 AND to_day IS NULL ORDER BY number
