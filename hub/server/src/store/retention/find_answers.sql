-- By pupil and problem, so that each cell of the caches is folded once.
SELECT hub_seq
FROM (
    SELECT hub_seq, pupil_id, problem_version_id
    FROM attempts
    WHERE received_at < ?1 AND hub_seq > ?2
    ORDER BY hub_seq
    LIMIT ?3
)
ORDER BY pupil_id, problem_version_id, hub_seq
