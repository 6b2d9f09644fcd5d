SELECT count(*) FROM devices WHERE enrolled_by = ?1 AND revoked_at IS NULL
