INSERT INTO grades (
    hub_seq, attempt_seq, revision, source, grade, is_right, is_evidence, misconception, key_version_id, by_user, reason, created_at
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
