SELECT id FROM problems WHERE source = ?1
