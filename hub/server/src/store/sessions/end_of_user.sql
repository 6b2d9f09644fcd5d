UPDATE sessions SET ended_at = ?3, end_reason = ?4 WHERE user_id = ?1 AND id IS NOT ?2 AND ended_at IS NULL RETURNING id
