SELECT count(*) FILTER (WHERE coalesce(used_at, expires_at) < ?1), min(coalesce(used_at, expires_at)) FROM parent_codes
