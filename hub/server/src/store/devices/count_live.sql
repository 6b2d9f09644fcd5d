SELECT count(*) FROM devices WHERE revoked_at IS NULL
