SELECT f.hub_seq, f.id, f.language, f.state, f.hint, f.hint_reason, f.ai_text, f.model, f.helpful, f.asked_at, f.turn
FROM attempts a
JOIN feedback f ON f.attempt_seq = a.hub_seq
WHERE a.id = ?1
ORDER BY f.turn DESC
LIMIT 1
