UPDATE feedback SET state = 'pending' WHERE hub_seq = ?1 AND state = 'running'
