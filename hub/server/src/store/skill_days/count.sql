INSERT INTO skill_days (pupil_id, skill, day, attempts, rights, firsts, first_rights, last_seq)
VALUES (?1, ?2, ?3, 1, ?4, ?5, ?4 AND ?5, ?6)
ON CONFLICT DO UPDATE SET
    attempts = attempts + 1,
    rights = rights + excluded.rights,
    firsts = firsts + excluded.firsts,
    first_rights = first_rights + excluded.first_rights,
    last_seq = max(last_seq, excluded.last_seq)
