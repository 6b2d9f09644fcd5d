UPDATE feedback SET helpful = ?2 WHERE hub_seq = ?1
