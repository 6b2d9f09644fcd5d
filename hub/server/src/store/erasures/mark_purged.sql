UPDATE erasures SET purged_at = ?1 WHERE purged_at IS NULL AND erased_at <= ?1
