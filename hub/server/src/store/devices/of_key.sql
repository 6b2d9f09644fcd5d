SELECT id, name, public_key, enrolled_by, created_at, revoked_at, returned_at, last_seen_at
FROM devices
WHERE public_key = ?1
ORDER BY created_at DESC, id DESC
LIMIT 1
