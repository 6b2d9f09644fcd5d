INSERT INTO retention_runs (id, started_at, ended_at, report) VALUES (?1, ?2, ?3, ?4)
