INSERT INTO notices (id, code, data, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
