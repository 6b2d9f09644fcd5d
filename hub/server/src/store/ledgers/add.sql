INSERT INTO security_ledger (id, at, entry) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING
