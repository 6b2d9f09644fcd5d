DELETE FROM enrolments WHERE pupil_id = ?1 AND to_day IS NULL AND from_day >= ?2
