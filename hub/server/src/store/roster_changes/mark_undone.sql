UPDATE roster_changes SET undone_at = ?2, undone_by = ?3 WHERE id = ?1 AND undone_at IS NULL
