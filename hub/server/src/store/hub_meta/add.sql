INSERT INTO hub (one, hub_id, school_name, time_zone, epoch, last_seen_at, created_at) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?5)
