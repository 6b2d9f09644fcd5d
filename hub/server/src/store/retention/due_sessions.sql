SELECT count(*) FILTER (WHERE ended_at < ?1), min(ended_at) FROM sessions WHERE ended_at IS NOT NULL
