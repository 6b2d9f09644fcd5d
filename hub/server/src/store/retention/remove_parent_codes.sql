DELETE FROM parent_codes
WHERE hash IN (SELECT hash FROM parent_codes WHERE coalesce(used_at, expires_at) < ?1 LIMIT ?2)
