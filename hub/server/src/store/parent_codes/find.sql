SELECT parent_codes.pupil_id
FROM parent_codes
JOIN users ON users.id = parent_codes.pupil_id
WHERE parent_codes.hash = ?1 AND parent_codes.used_at IS NULL AND parent_codes.expires_at > ?2 AND users.archived_at IS NULL
