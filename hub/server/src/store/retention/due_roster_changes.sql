SELECT count(*) FILTER (WHERE created_at < ?1), min(created_at) FROM roster_changes
