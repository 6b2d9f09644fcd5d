SELECT epoch, epoch_id, parent, reason, from_seq, started_at FROM epochs ORDER BY epoch
