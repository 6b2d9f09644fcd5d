SELECT last_seen_at FROM hub WHERE one = 1
