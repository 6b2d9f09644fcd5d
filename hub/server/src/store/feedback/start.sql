UPDATE feedback SET state = 'running' WHERE hub_seq = ?1 AND state = 'pending'
