SELECT count(*)
FROM feedback
WHERE state IN ('pending', 'running') AND state = 'pending' AND hub_seq < ?1
