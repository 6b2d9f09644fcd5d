SELECT (SELECT count(*) FROM attempts WHERE received_at < ?1), (SELECT received_at FROM attempts ORDER BY hub_seq LIMIT 1)
