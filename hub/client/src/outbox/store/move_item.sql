UPDATE items SET state = ?2, state_hash = ?3 WHERE device_seq = ?1
