SELECT hub_seq FROM attempts WHERE pupil_id = ?1 LIMIT ?2
