UPDATE sittings SET shown_at = ?3 WHERE lesson_id = ?1 AND pupil_id = ?2 AND shown_at IS NULL
