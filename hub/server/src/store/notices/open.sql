SELECT id, code, data, created_at FROM notices WHERE dismissed_at IS NULL ORDER BY created_at DESC
