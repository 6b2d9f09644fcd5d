SELECT count(*) FILTER (WHERE dismissed_at < ?1), min(dismissed_at) FROM notices WHERE dismissed_at IS NOT NULL
