SELECT 1 FROM erasures WHERE pupil_id = ?1
