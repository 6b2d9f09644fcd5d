SELECT count(*) FILTER (WHERE asked_at < ?1), min(asked_at) FROM feedback WHERE ai_text IS NOT NULL
