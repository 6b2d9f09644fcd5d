DELETE FROM parent_codes WHERE pupil_id = ?1
