SELECT hub_seq, id, language, state, hint, hint_reason, ai_text, model, helpful, asked_at, turn
FROM feedback
WHERE attempt_seq = ?1
ORDER BY turn
