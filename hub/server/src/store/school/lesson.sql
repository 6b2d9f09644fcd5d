SELECT id, class_id, title, mode, hint_ceiling, state, opened_at, ends_at, paused_at, resumed_at, closed_at FROM lessons
WHERE id = ?1
