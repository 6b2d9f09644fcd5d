UPDATE classes SET archived_at = ?2 WHERE id = ?1
