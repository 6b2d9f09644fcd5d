UPDATE feedback SET state = 'expired', done_at = ?2
WHERE state IN ('pending', 'running') AND asked_at < ?1
