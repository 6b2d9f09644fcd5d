SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND erased_at IS NULL)
    OR EXISTS (SELECT 1 FROM attempts WHERE pupil_id = ?1)
    OR EXISTS (SELECT 1 FROM enrolments WHERE pupil_id = ?1)
