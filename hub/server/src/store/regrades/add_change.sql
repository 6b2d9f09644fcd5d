INSERT INTO regrade_changes (regrade_id, attempt_seq, before_seq, after_seq) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET after_seq = excluded.after_seq
