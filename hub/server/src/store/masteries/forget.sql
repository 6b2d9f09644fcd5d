DELETE FROM masteries WHERE pupil_id = ?1 AND skill = ?2
