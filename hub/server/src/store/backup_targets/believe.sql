INSERT OR REPLACE INTO backup_clock (one, believed_at) VALUES (1, ?1)
