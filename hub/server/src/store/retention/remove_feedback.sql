DELETE FROM feedback WHERE attempt_seq = ?1
