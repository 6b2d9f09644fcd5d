SELECT class_id, school_year, number, from_day, to_day FROM enrolments WHERE pupil_id = ?1 ORDER BY from_day, to_day IS NULL, class_id
