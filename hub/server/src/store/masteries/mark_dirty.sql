INSERT INTO masteries (pupil_id, skill, mastery, attempts, rights, evidence, last_day, seen, dirty)
VALUES (?1, ?2, 0, 0, 0, 0, ?3, x'', 1)
ON CONFLICT DO UPDATE SET dirty = 1
