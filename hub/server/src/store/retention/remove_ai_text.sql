-- The model's name stays: with it the transcript can say that there was a text.
UPDATE feedback SET ai_text = NULL, usage = NULL
WHERE hub_seq IN (SELECT hub_seq FROM feedback WHERE asked_at < ?1 AND ai_text IS NOT NULL LIMIT ?2)
