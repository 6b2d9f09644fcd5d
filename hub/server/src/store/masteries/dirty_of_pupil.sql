SELECT skill FROM masteries WHERE pupil_id = ?1 AND dirty = 1
