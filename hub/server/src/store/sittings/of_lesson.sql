SELECT pupil_id, seed, begun_at, handed_in_at, shown_at FROM sittings WHERE lesson_id = ?1
