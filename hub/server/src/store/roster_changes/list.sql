SELECT id, kind, file_name, done, by_user, created_at, undone_at FROM roster_changes WHERE ?1 IS NULL OR by_user = ?1 ORDER BY created_at DESC, id DESC LIMIT ?2
