INSERT OR REPLACE INTO recovery_sheets (one, made_at, kept_at) VALUES (1, ?1, NULL)
