SELECT kind, subject, at, (SELECT name FROM devices WHERE devices.id = subject)
FROM ledger_returns WHERE epoch >= ?1 ORDER BY at DESC, id LIMIT ?2
