INSERT INTO notices (id, code, data, created_at)
SELECT ?1, ?2, ?3, ?4
WHERE NOT EXISTS (SELECT 1 FROM notices WHERE code = ?2 AND data = ?3)
ON CONFLICT DO NOTHING
