UPDATE sittings SET handed_in_at = ?3 WHERE lesson_id = ?1 AND pupil_id = ?2 AND handed_in_at IS NULL
