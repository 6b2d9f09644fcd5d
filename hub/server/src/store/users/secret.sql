SELECT secret FROM users WHERE id = ?1 AND archived_at IS NULL
