INSERT INTO devices (id, name, created_at, revoked_at) VALUES (?1, '', ?2, ?2)
ON CONFLICT (id) DO UPDATE SET revoked_at = coalesce(revoked_at, excluded.revoked_at)
