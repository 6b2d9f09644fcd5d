UPDATE users SET secret = ?2, must_change = ?3, token_version = token_version + 1 WHERE id = ?1
