UPDATE notices SET dismissed_at = ?2 WHERE id = ?1 AND dismissed_at IS NULL
