UPDATE feedback SET state = 'pending' WHERE state IN ('pending', 'running') AND state = 'running'
