INSERT INTO put_backs (epoch, is_other_state, snapshot_at, lost_epoch_id, lost_seq) VALUES (?1, ?2, ?3, ?4, ?5)
