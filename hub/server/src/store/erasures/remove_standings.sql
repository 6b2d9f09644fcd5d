DELETE FROM standings WHERE pupil_id = ?1
