INSERT INTO lessons (id, class_id, title, mode, hint_ceiling, state, created_by, opened_at, ends_at)
VALUES (?1, ?2, ?3, ?4, ?5, 'open', ?6, ?7, ?8)
