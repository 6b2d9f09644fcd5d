SELECT id, mode, state, opened_at, ends_at, paused_at, resumed_at, closed_at
FROM lessons
WHERE class_id = ?1 AND state <> 'closed'
