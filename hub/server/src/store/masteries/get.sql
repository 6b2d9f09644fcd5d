SELECT skill, mastery, attempts, rights, evidence, last_day, seen, dirty FROM masteries WHERE pupil_id = ?1 AND skill = ?2
