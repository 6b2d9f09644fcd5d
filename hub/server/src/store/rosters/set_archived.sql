UPDATE users SET archived_at = ?2, token_version = token_version + 1 WHERE id = ?1
