SELECT max(started_at) FROM retention_runs
