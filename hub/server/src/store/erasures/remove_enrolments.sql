DELETE FROM enrolments WHERE pupil_id = ?1
