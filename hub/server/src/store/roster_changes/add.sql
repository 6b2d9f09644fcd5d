INSERT INTO roster_changes (id, kind, file_name, done, by_user, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
