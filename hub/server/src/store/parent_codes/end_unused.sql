UPDATE parent_codes SET expires_at = ?2 WHERE pupil_id = ?1 AND used_at IS NULL AND expires_at > ?2
