DELETE FROM roster_changes
WHERE id IN (SELECT id FROM roster_changes WHERE created_at < ?1 LIMIT ?2)
