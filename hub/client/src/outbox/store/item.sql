SELECT device_seq, attempt_id, pupil_id, body, body_hash, wall, monotonic_ms, boot_id, item_hash, state, state_hash
FROM items WHERE device_seq = ?1
