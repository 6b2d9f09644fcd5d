UPDATE lessons SET state = ?2, ends_at = ?3, paused_at = ?4, resumed_at = ?5, closed_at = ?6 WHERE id = ?1
