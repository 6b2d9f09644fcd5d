SELECT created_at, last_seen_at, ended_at, agent FROM sessions WHERE user_id = ?1 ORDER BY created_at
