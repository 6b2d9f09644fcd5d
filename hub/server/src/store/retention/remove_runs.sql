DELETE FROM retention_runs WHERE started_at < ?1
