DELETE FROM sessions
WHERE id IN (SELECT id FROM sessions WHERE ended_at < ?1 LIMIT ?2)
