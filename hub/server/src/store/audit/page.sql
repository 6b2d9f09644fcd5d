SELECT seq, at, actor, origin, action, subject, detail, audit_reasons.text
FROM audit
LEFT JOIN audit_reasons ON audit_reasons.audit_seq = audit.seq
WHERE seq < ?1 AND (?2 IS NULL OR actor = ?2) AND (?3 IS NULL OR subject = ?3) AND (?4 IS NULL OR action = ?4)
ORDER BY seq DESC LIMIT ?5
