INSERT INTO enrolments (pupil_id, class_id, school_year, number, from_day, to_day) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
