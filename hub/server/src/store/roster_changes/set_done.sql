UPDATE roster_changes SET done = ?2 WHERE id = ?1
