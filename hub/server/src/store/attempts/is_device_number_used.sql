SELECT 1 FROM attempts WHERE device_id = ?1 AND device_seq = ?2
