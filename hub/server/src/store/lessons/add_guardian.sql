INSERT INTO guardians (parent_id, pupil_id, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING
