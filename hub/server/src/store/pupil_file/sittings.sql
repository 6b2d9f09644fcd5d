SELECT lesson_id, begun_at, handed_in_at FROM sittings WHERE pupil_id = ?1 ORDER BY begun_at
