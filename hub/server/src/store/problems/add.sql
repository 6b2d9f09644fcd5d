INSERT INTO problems (id, source, created_by, created_at) VALUES (?1, ?2, ?3, ?4)
