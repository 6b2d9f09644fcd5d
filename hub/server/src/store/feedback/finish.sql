UPDATE feedback
SET state = ?2, hint = ?3, hint_level = ?4, hint_reason = ?5, ai_text = ?6, model = ?7, usage = ?8, done_at = ?9
WHERE hub_seq = ?1 AND state = 'running'
