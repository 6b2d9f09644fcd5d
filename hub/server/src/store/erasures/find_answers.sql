SELECT hub_seq FROM attempts NOT INDEXED WHERE pupil_id = ?1
