DELETE FROM pupil_notes
WHERE id IN (SELECT id FROM pupil_notes WHERE created_at < ?1 LIMIT ?2)
