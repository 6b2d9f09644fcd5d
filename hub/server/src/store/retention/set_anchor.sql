INSERT INTO audit_anchor (one, seq, hash) VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash
