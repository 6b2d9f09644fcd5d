INSERT INTO devices (id, name, public_key, enrolled_by, created_at, returned_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
