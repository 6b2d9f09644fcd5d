SELECT lesson_id FROM sittings WHERE pupil_id = ?1 AND shown_at IS NULL
