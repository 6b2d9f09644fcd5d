INSERT INTO parent_codes (hash, pupil_id, made_by, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
