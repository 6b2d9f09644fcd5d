INSERT OR REPLACE INTO facts (name, value, hash) VALUES (?1, ?2, ?3)
