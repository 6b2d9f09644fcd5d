INSERT INTO skill_days (pupil_id, skill, day, attempts, rights, last_seq) VALUES (?1, ?2, ?3, 1, ?4, ?5)
ON CONFLICT DO UPDATE SET
    attempts = attempts + 1,
    rights = rights + excluded.rights,
    last_seq = max(last_seq, excluded.last_seq)
