INSERT INTO masteries (pupil_id, skill, mastery, attempts, rights, evidence, last_day, seen, dirty)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)
ON CONFLICT DO UPDATE SET
    mastery = excluded.mastery,
    attempts = excluded.attempts,
    rights = excluded.rights,
    evidence = excluded.evidence,
    last_day = excluded.last_day,
    seen = excluded.seen,
    dirty = 0
