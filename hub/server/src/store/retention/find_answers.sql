-- What seems older than the hub itself was received under a wrong clock: its age is not known, so it is kept.
-- By pupil and problem, so that each cell of the caches is folded once.
SELECT hub_seq
FROM (
    SELECT hub_seq, pupil_id, problem_version_id
    FROM attempts
    WHERE received_at < ?1 AND received_at >= (SELECT created_at FROM hub) AND hub_seq > ?2
    ORDER BY hub_seq
    LIMIT ?3
)
ORDER BY pupil_id, problem_version_id, hub_seq
