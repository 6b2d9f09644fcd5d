SELECT seq, at, actor, origin, action, subject, detail, audit_reasons.text
FROM audit
LEFT JOIN audit_reasons ON audit_reasons.audit_seq = audit.seq
WHERE seq > ?1 AND seq <= ?2
ORDER BY seq LIMIT ?3
