SELECT t.session_id, t.used_at, t.successor, n.used_at IS NOT NULL, s.ended_at IS NOT NULL
FROM refresh_tokens t
JOIN sessions s ON s.id = t.session_id
LEFT JOIN refresh_tokens n ON n.hash = t.successor
WHERE t.hash = ?1
