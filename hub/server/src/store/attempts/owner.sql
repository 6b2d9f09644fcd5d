SELECT pupil_id FROM attempts WHERE id = ?1
