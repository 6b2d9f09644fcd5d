INSERT INTO sessions (id, user_id, device_id, lesson_id, native, agent, created_at, last_seen_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)
