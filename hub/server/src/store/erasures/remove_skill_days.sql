DELETE FROM skill_days WHERE pupil_id = ?1
