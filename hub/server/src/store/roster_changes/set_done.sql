UPDATE roster_changes SET done = ?2, file_name = ?3 WHERE id = ?1
