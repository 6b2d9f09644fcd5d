SELECT hub_seq, id, language, state, hint, hint_reason, ai_text, model, helpful, asked_at, turn
FROM feedback
WHERE hub_seq = ?1
