DELETE FROM guardians WHERE pupil_id = ?1 OR parent_id = ?1
