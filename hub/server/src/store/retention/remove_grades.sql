DELETE FROM grades WHERE attempt_seq = ?1
