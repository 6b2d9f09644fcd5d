DELETE FROM masteries WHERE pupil_id = ?1
