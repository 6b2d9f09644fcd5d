SELECT count(*) FROM devices WHERE enrolled_by = ?1 AND created_at >= ?2
