DELETE FROM backup_targets WHERE name = ?1
