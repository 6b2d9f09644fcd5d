-- The first condition is the one of the index `feedback_open`.
SELECT f.hub_seq, f.id, a.id, a.pupil_id, f.hint IS NOT NULL
FROM feedback f
JOIN attempts a ON a.hub_seq = f.attempt_seq
WHERE f.state IN ('pending', 'running') AND f.state = 'pending' AND f.hub_seq > ?1
ORDER BY f.hub_seq
