UPDATE pupil_notes SET seen_at = coalesce(seen_at, ?3) WHERE id = ?1 AND pupil_id = ?2
