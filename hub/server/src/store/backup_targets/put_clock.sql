INSERT OR REPLACE INTO backup_clock (one, believed_at, seen_at, steady_ms, jumps) VALUES (1, ?1, ?2, ?3, ?4)
