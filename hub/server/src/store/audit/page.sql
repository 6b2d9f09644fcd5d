SELECT seq, at, actor, origin, action, subject, detail FROM audit
WHERE seq < ?1 AND (?2 IS NULL OR actor = ?2) AND (?3 IS NULL OR subject = ?3) AND (?4 IS NULL OR action = ?4)
ORDER BY seq DESC LIMIT ?5
