SELECT id, name, public_key, enrolled_by, created_at, revoked_at, returned_at, last_seen_at
FROM devices
ORDER BY created_at DESC, id DESC
