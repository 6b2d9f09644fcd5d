UPDATE lessons SET state = 'closed', closed_at = ?2 WHERE id = ?1 AND state <> 'closed'
