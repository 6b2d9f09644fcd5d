INSERT INTO feedback (hub_seq, id, attempt_seq, turn, language, state, asked_at)
VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6)
