UPDATE retention SET keep_days = ?2 WHERE kind = ?1
