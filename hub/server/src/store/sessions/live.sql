SELECT id, user_id, device_id, lesson_id, native, agent, created_at, last_seen_at, expires_at
FROM sessions WHERE ended_at IS NULL
