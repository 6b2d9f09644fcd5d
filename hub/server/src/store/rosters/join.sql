INSERT INTO enrolments (pupil_id, class_id, school_year, number, from_day) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (pupil_id, class_id, from_day) DO UPDATE SET number = excluded.number, to_day = NULL
