SELECT id, name, hash, per_minute, made_by, created_at, expires_at, last_used_at, revoked_at FROM api_keys ORDER BY created_at DESC, id DESC
