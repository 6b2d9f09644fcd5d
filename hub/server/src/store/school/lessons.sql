SELECT id, class_id, title, mode, hint_ceiling, state, opened_at FROM lessons
