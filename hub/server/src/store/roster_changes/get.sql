SELECT id, kind, file_name, done, by_user, created_at, undone_at FROM roster_changes WHERE id = ?1
