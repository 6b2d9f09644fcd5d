INSERT INTO items (device_seq, attempt_id, pupil_id, body, body_hash, wall, monotonic_ms, boot_id, item_hash, state, state_hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
