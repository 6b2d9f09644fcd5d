SELECT archived_at IS NULL FROM classes WHERE id = ?1
