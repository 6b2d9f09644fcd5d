INSERT INTO epochs (epoch, epoch_id, parent, reason, from_seq, started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
