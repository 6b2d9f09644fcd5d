DELETE FROM notices
WHERE id IN (SELECT id FROM notices WHERE dismissed_at < ?1 LIMIT ?2)
