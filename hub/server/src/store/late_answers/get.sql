SELECT late_by_secs FROM late_answers WHERE attempt_seq = ?1
