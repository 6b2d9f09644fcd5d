INSERT INTO api_keys (id, name, hash, per_minute, made_by, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
