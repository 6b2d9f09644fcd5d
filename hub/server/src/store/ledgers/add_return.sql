INSERT INTO ledger_returns (id, kind, at, subject, epoch) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id, kind) DO NOTHING
