DELETE FROM skill_days WHERE pupil_id = ?1 AND skill = ?2 AND day = ?3
