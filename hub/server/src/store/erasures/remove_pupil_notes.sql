DELETE FROM pupil_notes WHERE pupil_id = ?1
