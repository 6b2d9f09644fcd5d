SELECT id, secret FROM users WHERE login_name = ?1 AND archived_at IS NULL
