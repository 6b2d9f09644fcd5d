INSERT INTO late_answers (attempt_seq, late_by_secs) VALUES (?1, ?2)
