DELETE FROM attempts WHERE hub_seq = ?1
