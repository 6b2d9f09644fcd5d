SELECT archived_at FROM users WHERE id = ?1
