UPDATE notices SET dismissed_at = ?2 WHERE code = ?1 AND dismissed_at IS NULL
