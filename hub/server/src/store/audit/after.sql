SELECT seq, at, actor, origin, action, subject, detail FROM audit WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3
