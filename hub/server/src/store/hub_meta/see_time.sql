UPDATE hub SET last_seen_at = max(last_seen_at, ?1) WHERE one = 1
