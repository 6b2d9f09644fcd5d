SELECT created_at FROM users WHERE id = ?1
