INSERT INTO erasures (id, pupil_id, reason, asked_by, erased_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING
