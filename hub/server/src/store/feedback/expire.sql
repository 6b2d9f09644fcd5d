UPDATE feedback SET state = 'expired', done_at = ?2 WHERE hub_seq = ?1 AND state = 'pending'
